import { Deadline } from '../../timing/deadline.js';
import type { Transport } from '../../transport/transport.js';
import type { Identity } from '../membership/identity.js';
import type { Departure } from '../membership/membership.js';
import type { ChannelNames } from '../wire/channels.js';
import { encodeControl, type Envelope, EnvelopeKind } from '../wire/envelope.js';
import type { Instances } from '../membership/instances.js';
import type { Link } from '../link/link.js';
import { decodeControlPayload, encodeControlPayload, isStrings } from '../wire/control-payload.js';
import { FIRST_BYTES, MAX_FIRST_BYTES, MIN_FIRST_BYTES } from './answer-bounds.js';
import { AnswerWindow } from './answer-window.js';
import { Asking, type AskingOptions } from './asking.js';
import { PendingRequest, type PendingRequestOptions } from './pending-request.js';
import { Unlisted } from './unlisted.js';

export interface RequestsOptions {
  readonly link: Pick<Link, 'status' | 'onStatus'>;
  readonly instances: Pick<Instances, 'listMembers' | 'known'>;
  readonly transport: Pick<Transport, 'publish'>;
  readonly channels: Pick<ChannelNames, 'direct' | 'cluster'>;
  readonly identity: Pick<Identity, 'current' | 'former'>;
  readonly commandTimeoutMs: number;
}

/** The parameters of a request. */
export interface Opening extends Pick<PendingRequestOptions, 'onMessage' | 'known'> {
  readonly sequence: number;
  /** The id of this instance that the answers go to. */
  readonly origin: string;
  readonly timeoutMs: number;
}

/** An open request, under the number that its answers name. */
export interface OpenRequest {
  readonly sequence: number;
  readonly pending: PendingRequest;
  /** How much each instance may answer before it is allowed more. */
  readonly firstBytes: number;
  /** Brings it to the others, until it has reached them. */
  readonly askOthers: (ask: Pick<AskingOptions, 'ask' | 'askAgain' | 'waitsHere'>) => void;
}

interface Entry {
  readonly pending: PendingRequest;
  asking: Asking | undefined;
}

/**
 * The open requests of this instance: brings answers to them, asks again, and takes out who will
 * not answer.
 */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #open = new Map<number, Entry>();
  /** How many of them were asked under each id of this instance. */
  readonly #asking = new Map<string, number>();
  readonly #window = new AnswerWindow();
  /** Those that hear requests and are in no list. */
  readonly unlisted = new Unlisted();
  readonly #offStatus: () => void;
  #sequence = 0;
  #wasLost = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#offStatus = options.link.onStatus((status) => {
      if (status === 'ready') this.#linkBack();
      else this.#linkLost();
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** A number that no other request of this instance has. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Whether an answer to the id may be under way. */
  isAsking(instanceId: string): boolean {
    return this.#asking.has(instanceId);
  }

  /** Opens a request. It ends by itself: when all have answered or gone, or at its deadline. */
  open(opening: Opening): OpenRequest {
    const { sequence, origin, timeoutMs } = opening;
    const { link, commandTimeoutMs } = this.#options;
    const firstBytes = this.#firstBytes();
    const pending = new PendingRequest({
      ...opening,
      openFlow: (id) =>
        this.#window.open(firstBytes, (taken, allowed) =>
          this.#tell(id, opening, { taken, allowed }),
        ),
      onOver: (id) => this.#tell(id, opening, { over: true }),
      onHole: (id) => entry.asking?.askAgain(id),
    });
    const entry: Entry = { pending, asking: undefined };
    this.#open.set(sequence, entry);
    this.#asking.set(origin, (this.#asking.get(origin) ?? 0) + 1);
    const deadline = new Deadline(timeoutMs, () =>
      pending.end(
        'REQUEST_TIMEOUT',
        link.status === 'ready' ? 'REQUEST_TIMEOUT' : 'BACKPLANE_UNAVAILABLE',
      ),
    );
    void pending.done.then(() => {
      deadline.cancel();
      this.#open.delete(sequence);
      this.#asksNoMore(origin);
      if (this.#open.size === 0) this.#endWatch();
    });
    this.#watchSoon();
    const askOthers: OpenRequest['askOthers'] = (ask) => {
      entry.asking = new Asking({ link, pending, commandTimeoutMs, ...ask });
      entry.asking.begin();
    };
    return { sequence, pending, firstBytes, askOthers };
  }

  /** False for what is no answer. */
  receive({ origin, sequence, payload }: Envelope): boolean {
    const control = decodeControlPayload(payload);
    if (!control) return false;
    this.#open.get(sequence)?.pending.take(origin, control);
    return true;
  }

  /** Another instance was cut off and is back. False for what does not say so. */
  receiveReturn({ origin, payload }: Envelope): boolean {
    const { back, former } = decodeControlPayload(payload)?.fields ?? {};
    if (back !== true) return false;
    for (const id of [origin, ...(isStrings(former) ? former : [])])
      for (const { asking } of this.#open.values()) asking?.instanceBack(id);
    return true;
  }

  instanceGone(id: string, how: Departure): void {
    if (how === 'left') this.unlisted.left();
    const reason = how === 'left' ? 'INSTANCE_LEFT' : 'INSTANCE_LOST';
    for (const { pending } of this.#open.values()) pending.fail(id, reason);
  }

  close(): void {
    this.#offStatus();
    this.#endWatch();
    for (const { pending } of this.#open.values()) pending.end('BACKPLANE_CLOSED');
  }

  #linkLost(): void {
    this.#wasLost = true;
    for (const { asking } of this.#open.values()) asking?.linkLost();
  }

  #linkBack(): void {
    for (const { asking } of this.#open.values()) asking?.linkBack();
    if (this.#wasLost) this.#sayReturn();
    this.#wasLost = false;
  }

  /**
   * Requests of others may not have been heard here, or their answers may be lost: they ask again.
   */
  #sayReturn(): void {
    const { transport, channels, identity } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.announcement,
      origin: identity.current,
      sequence: 0,
      payload: encodeControlPayload({ back: true, former: identity.former }),
    });
    transport.publish(channels.cluster(), bytes, { lane: 'control' }).catch(() => {});
  }

  #firstBytes(): number {
    const others = Math.max(1, this.#options.instances.known().length);
    const share = FIRST_BYTES / (others * (this.#open.size + 1));
    return Math.round(Math.min(MAX_FIRST_BYTES, Math.max(MIN_FIRST_BYTES, share)));
  }

  #tell(
    instanceId: string,
    { sequence, origin }: Opening,
    fields: { taken: number; allowed: number } | { over: true },
  ): void {
    const { transport, channels } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.allowance,
      origin,
      sequence,
      payload: encodeControlPayload(fields),
    });
    transport
      .publish(channels.direct(instanceId), bytes, { lane: 'control' })
      .catch(() => this.#open.get(sequence)?.asking?.doubt());
  }

  #asksNoMore(origin: string): void {
    const others = this.#asking.get(origin)! - 1;
    if (others > 0) this.#asking.set(origin, others);
    else this.#asking.delete(origin);
  }

  /**
   * Lists the members now and then while others are waited for. A member whose lease has lapsed is
   * no longer waited for. If Redis does not answer, nobody is, within the command time-out.
   */
  #watchSoon(): void {
    const everyMs = Math.ceil(this.#options.commandTimeoutMs / 4);
    this.#watch ??= setTimeout(() => {
      this.#watch = undefined;
      if (![...this.#open.values()].some(({ pending }) => pending.asksOthers)) return;
      void this.#look(this.#options.commandTimeoutMs - everyMs).finally(() => {
        if (this.#open.size > 0) this.#watchSoon();
      });
    }, everyMs);
  }

  async #look(timeoutMs: number): Promise<void> {
    const begun = performance.now();
    try {
      await this.#options.instances.listMembers(timeoutMs);
    } catch {
      const isSilent = performance.now() - begun >= timeoutMs;
      for (const { pending, asking } of this.#open.values()) {
        if (isSilent) pending.failRemote('BACKPLANE_UNAVAILABLE');
        else asking?.doubt();
      }
    }
  }

  #endWatch(): void {
    clearTimeout(this.#watch);
    this.#watch = undefined;
  }
}
