import type { OutcomeCallbacks } from '../transport.js';
import { CorkedWrites } from './corked-writes.js';
import { PACK_MESSAGES, Packs } from './packs.js';
import type { Publication } from './publication.js';
import type { RedisClients } from './redis-clients.js';
import type { Outgoing } from './outgoing.js';
import type { ReplyWatch } from './reply-watch.js';

/**
 * How much ioredis is given ahead of Redis's answers. The rest waits where it can be counted,
 * overtaken and withdrawn.
 */
const MAX_MESSAGES = 2_000;
const MAX_BYTES = 1024 * 1024;

/** A message whose sender gets its outcome. */
interface Told<T> {
  readonly outgoing: Outgoing<T>;
  readonly ends: OutcomeCallbacks<T>;
}

/** The messages that ioredis has been given, and Redis has not answered. */
export class InFlight {
  readonly packs: Packs;
  readonly #clients: RedisClients;
  readonly #watch: ReplyWatch;
  readonly #onAnswered: (messages: number) => void;
  readonly #writes = new CorkedWrites();
  #messages = 0;
  #bytes = 0;

  /**
   * @param onAnswered called before the senders are notified, with how many messages were answered;
   * must not throw
   */
  constructor(clients: RedisClients, watch: ReplyWatch, onAnswered: (messages: number) => void) {
    this.#clients = clients;
    this.#watch = watch;
    this.#onAnswered = onAnswered;
    this.packs = new Packs(clients.commands);
  }

  get messages(): number {
    return this.#messages;
  }

  get hasRoom(): boolean {
    return this.#messages < MAX_MESSAGES && this.#bytes < MAX_BYTES;
  }

  get hasRoomForPack(): boolean {
    return this.#messages <= MAX_MESSAGES - PACK_MESSAGES && this.#bytes < MAX_BYTES;
  }

  send<T>(outgoing: Outgoing<T>, ends: OutcomeCallbacks<T>): void {
    const { length } = outgoing;
    this.#asked(1, length);
    outgoing.command().then(
      (answer) => {
        this.#answered(1, length);
        ends.resolve(answer);
      },
      (error: Error) => {
        this.#answered(1, length);
        ends.reject(outgoing.failed(error));
      },
    );
  }

  /** Not counted. */
  sendUncounted<T>(outgoing: Outgoing<T>, ends: OutcomeCallbacks<T>): void {
    this.#hold();
    outgoing.command().then(
      (answer) => ends.resolve(answer),
      (error: Error) => ends.reject(outgoing.failed(error)),
    );
  }

  /** @param errorOf makes the error of all where the pack was not carried out */
  sendPack(
    pack: readonly Told<unknown>[],
    errorOf: (reason: string, failed: Outgoing<unknown>['failed']) => Error,
  ): void {
    let bytes = 0;
    for (const { outgoing } of pack) bytes += outgoing.length;
    this.#asked(pack.length, bytes);
    this.packs.send(pack.map(({ outgoing }) => outgoing as Publication)).then(
      (refusals) => {
        this.#answered(pack.length, bytes);
        for (const [index, { outgoing, ends }] of pack.entries()) {
          const error = refusals.get(index);
          if (error) ends.reject(outgoing.failed(error));
          else ends.resolve(undefined);
        }
      },
      (error: Error) => {
        this.#answered(pack.length, bytes);
        for (const { outgoing, ends } of pack) ends.reject(errorOf(error.message, outgoing.failed));
      },
    );
  }

  /** The messages that left in this turn are written now. */
  flush(): void {
    this.#writes.release();
  }

  #asked(messages: number, bytes: number): void {
    this.#hold();
    this.#messages += messages;
    this.#bytes += bytes;
    this.#watch.asked();
  }

  #answered(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
    this.#watch.answered();
    this.#onAnswered(messages);
  }

  /** The app's own client is not ours to hold up. */
  #hold(): void {
    if (this.#clients.ownsCommands) this.#writes.hold(this.#clients.commands.stream);
  }
}
