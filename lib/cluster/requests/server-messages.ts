import { EVERYONE } from '../../hub/target.js';
import type { PeerRequests, PeerRequestSpec } from './peer-requests.js';
import { type AudienceModifiers, DEFAULT_MODIFIERS } from '../common/audience-modifiers.js';
import { assertEvent, dataText } from '../common/message.js';
import type { ServerSideResult } from './results.js';

/** Between the instances of a hub, past the clients. */
export class ServerMessages {
  readonly #peers: PeerRequests;
  readonly #onUnsent: (error: Error) => void;

  constructor(peers: PeerRequests, onUnsent: (error: Error) => void) {
    this.#peers = peers;
    this.#onUnsent = onUnsent;
  }

  tell(hub: string, event: string, data: unknown): void {
    const spec = specOf(hub, event, data, DEFAULT_MODIFIERS, true);
    this.#peers.tellServers(spec).catch(this.#onUnsent);
  }

  async ask(
    hub: string,
    event: string,
    data: unknown,
    modifiers: AudienceModifiers,
  ): Promise<ServerSideResult> {
    const answers: { instanceId: string; data: unknown }[] = [];
    const unanswered = await this.#peers.gatherFromServers(
      specOf(hub, event, data, modifiers, false),
      (instanceId, message) =>
        answers.push({ instanceId, data: (message as { data?: unknown }).data }),
    );
    return { answers, ...unanswered };
  }
}

function specOf(
  hub: string,
  event: string,
  data: unknown,
  modifiers: AudienceModifiers,
  unanswered: boolean,
): PeerRequestSpec {
  assertEvent(event);
  const text = data === undefined ? '' : dataText(event, data);
  return {
    operation: 'event',
    hub,
    target: EVERYONE,
    modifiers,
    args: { event, unanswered },
    body: () => Buffer.from(text, 'utf8'),
  };
}
