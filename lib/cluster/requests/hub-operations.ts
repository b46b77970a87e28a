import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { quoteAll } from '../../errors/quote.js';
import { RequestTimeoutError } from '../../errors/request-timeout.error.js';
import type { Target } from '../../hub/target.js';
import { AckAggregator } from './ack-aggregator.js';
import { askedOrAnswersIn, doneIn, type DoneMessage, fetchedIn } from './answer-messages.js';
import { type PeerRequests, staleOf } from './peer-requests.js';
import type { AudienceModifiers } from '../common/audience-modifiers.js';
import { eventFrame } from '../common/message.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import { missingOf } from './missing.js';
import type { Operation, PeerRequestArguments } from './peer-request.js';
import type {
  AckOptions,
  AckResult,
  CommandResult,
  CountResult,
  Missing,
  MissingConnection,
  Stale,
  SocketDescription,
} from './results.js';

/** Reasons that leave nothing to be counted: the instance is dead. */
const GONE: ReadonlySet<string> = new Set([
  'INSTANCE_LEFT',
  'INSTANCE_LOST',
  'UNKNOWN_INSTANCE',
  'NO_SUCH_CONNECTION',
]);

/** The requests of an audience to one hub, on every instance. */
export class HubOperations {
  readonly #hub: string;
  readonly #peers: PeerRequests;
  readonly #log: ThrottledLog;

  constructor(hub: string, peers: PeerRequests, log: ThrottledLog) {
    this.#hub = hub;
    this.#peers = peers;
    this.#log = log;
  }

  async fetch(
    target: Target,
    modifiers: AudienceModifiers,
  ): Promise<Stale & { sockets: SocketDescription[]; missing: Missing[] }> {
    const sockets: SocketDescription[] = [];
    const unknown: string[] = [];
    const unanswered = await this.#peers.gather(
      { operation: 'fetch', hub: this.#hub, target, modifiers },
      (instanceId, message) => {
        const fetched = fetchedIn(message);
        for (const id of fetched.unknown) unknown.push(id);
        for (const socket of fetched.sockets) sockets.push({ ...socket, instanceId });
      },
    );
    return { sockets, missing: missingOf(target, unanswered, unknown), ...staleOf(unanswered) };
  }

  async countByInstance(target: Target, modifiers: AudienceModifiers): Promise<CountResult> {
    const answers: { instanceId: string; connections: number }[] = [];
    const unanswered = await this.#do(
      'count',
      target,
      modifiers,
      {},
      (instanceId, { connections }) => answers.push({ instanceId, connections }),
    );
    return { total: sum(answers), answers, ...unanswered };
  }

  async count(target: Target, modifiers: AudienceModifiers): Promise<number> {
    const { total, missing, stale } = await this.countByInstance(target, modifiers);
    // A number cannot say on what it rests.
    if (stale && this.#peers.failure) throw this.#peers.failure;
    const lacking = missing.filter(({ reason }) => !GONE.has(reason));
    if (lacking.length === 0) return total;
    if (lacking.some(({ reason }) => reason.startsWith('BACKPLANE'))) {
      throw new BackplaneUnavailableError(
        'The connections of the other instances cannot be counted: Redis is away, or does not know all instances yet. Count ' +
          'again when it is back; local.count() counts those of this instance.',
      );
    }
    const who = lacking.map(({ instanceId, connectionId }) => instanceId ?? connectionId);
    throw new RequestTimeoutError(`the instances ${quoteAll(who)}`, total, lacking);
  }

  async command(
    operation: 'join' | 'leave' | 'disconnect',
    target: Target,
    modifiers: AudienceModifiers,
    args: PeerRequestArguments,
  ): Promise<CommandResult> {
    const done: { connections: number }[] = [];
    const unanswered = await this.#do(operation, target, modifiers, args, (_, message) =>
      done.push(message),
    );
    return { connections: sum(done), ...unanswered };
  }

  async ask(
    target: Target,
    modifiers: AudienceModifiers,
    event: string,
    data: unknown,
    { onAnswer }: AckOptions = {},
  ): Promise<AckResult> {
    const gathering = new AckAggregator(onAnswer, this.#log);
    const unanswered = await this.#peers.gather(
      {
        operation: 'ask',
        hub: this.#hub,
        target,
        modifiers,
        body: (id) => eventFrame(event, data, id).payload,
      },
      (instanceId, message) => gathering.add(instanceId, askedOrAnswersIn(message)),
    );
    return gathering.result(target, unanswered);
  }

  async #do(
    operation: Operation,
    target: Target,
    modifiers: AudienceModifiers,
    args: PeerRequestArguments,
    onDone: (instanceId: string, message: DoneMessage) => void,
  ): Promise<Stale & { missing: Missing[] }> {
    const unknown: string[] = [];
    const refused: MissingConnection[] = [];
    const unanswered = await this.#peers.gather(
      { operation, hub: this.#hub, target, modifiers, args },
      (instanceId, message) => {
        const done = doneIn(message);
        for (const id of done.unknown) unknown.push(id);
        for (const [connectionId, max] of done.refused ?? [])
          refused.push({ connectionId, reason: 'LIMIT_EXCEEDED', max });
        onDone(instanceId, done);
      },
    );
    return {
      missing: [...refused, ...missingOf(target, unanswered, unknown)],
      ...staleOf(unanswered),
    };
  }
}

function sum(answers: readonly { readonly connections: number }[]): number {
  return answers.reduce((total, { connections }) => total + connections, 0);
}
