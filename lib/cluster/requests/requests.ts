import { Deadline } from '../../timing/deadline.js';
import type { Departure } from '../instances/roll.js';
import type { Envelope } from '../wire/envelope.js';
import type { Instances } from '../instances/instances.js';
import type { Link } from '../link/link.js';
import { decodeParcel } from '../wire/parcel.js';
import { PendingRequest } from './pending-request.js';

export interface RequestsOptions {
  readonly link: Link;
  readonly instances: Pick<Instances, 'callRoll'>;
  readonly commandTimeoutMs: number;
}

/** An open question, under the number that its answers name. */
export interface OpenRequest {
  readonly sequence: number;
  readonly pending: PendingRequest;
}

/** The open questions of this instance: brings answers to them, and takes out who will not answer. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #open = new Map<number, PendingRequest>();
  /** How many of them were asked under each id of this instance. */
  readonly #asking = new Map<string, number>();
  readonly #offStatus: () => void;
  #sequence = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#offStatus = options.link.onStatus((status) => {
      if (status !== 'ready') this.#unreachable();
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** A number that no other question of this instance has. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Whether an answer to the id may be under way. */
  isAsking(instanceId: string): boolean {
    return this.#asking.has(instanceId);
  }

  /**
   * Opens a question. It ends by itself: when all have answered or gone, or at its deadline.
   * @param origin the id of this instance that the answers go to
   */
  open(
    sequence: number,
    origin: string,
    timeoutMs: number,
    onMessage: (instanceId: string, message: unknown) => void,
    known?: () => readonly string[],
  ): OpenRequest {
    const pending = new PendingRequest(onMessage, known);
    this.#open.set(sequence, pending);
    this.#asking.set(origin, (this.#asking.get(origin) ?? 0) + 1);
    const deadline = new Deadline(timeoutMs, () => pending.end('REQUEST_TIMEOUT'));
    void pending.done.then(() => {
      deadline.cancel();
      this.#open.delete(sequence);
      this.#asksNoMore(origin);
      if (this.#open.size === 0) this.#endWatch();
    });
    this.#watchSoon();
    return { sequence, pending };
  }

  /** False for what is no answer. */
  receive({ origin, sequence, payload }: Envelope): boolean {
    const parcel = decodeParcel(payload);
    if (!parcel) return false;
    this.#open.get(sequence)?.take(origin, parcel);
    return true;
  }

  instanceGone(id: string, how: Departure): void {
    const reason = how === 'left' ? 'INSTANCE_LEFT' : 'INSTANCE_LOST';
    for (const pending of this.#open.values()) pending.takeOut(id, reason);
  }

  close(): void {
    this.#offStatus();
    this.#endWatch();
    for (const pending of this.#open.values()) pending.end('BACKPLANE_CLOSED');
  }

  #asksNoMore(origin: string): void {
    const others = this.#asking.get(origin)! - 1;
    if (others > 0) this.#asking.set(origin, others);
    else this.#asking.delete(origin);
  }

  #unreachable(): void {
    for (const pending of this.#open.values()) pending.takeOutOthers('BACKPLANE_UNAVAILABLE');
  }

  /**
   * While others are waited for, the roll is called now and then: so that whose lease has lapsed is taken out, and all if Redis
   * has fallen silent, within the command time-out of that.
   */
  #watchSoon(): void {
    const { commandTimeoutMs, instances } = this.#options;
    const everyMs = Math.ceil(commandTimeoutMs / 4);
    this.#watch ??= setTimeout(() => {
      this.#watch = undefined;
      if (![...this.#open.values()].some(({ asksOthers }) => asksOthers)) return;
      instances
        .callRoll(commandTimeoutMs - everyMs)
        .catch(() => this.#unreachable())
        .finally(() => {
          if (this.#open.size > 0) this.#watchSoon();
        });
    }, everyMs);
  }

  #endWatch(): void {
    clearTimeout(this.#watch);
    this.#watch = undefined;
  }
}
