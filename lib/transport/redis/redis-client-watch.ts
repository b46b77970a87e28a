import type { Redis } from 'ioredis';

import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import { Deadline, settledWithin } from '../../timing/deadline.js';
import { disconnect } from './redis-clients.js';
import { misconfiguration, needsSomebody, unreachableReason } from './redis-misconfiguration.js';
import { shutOutReason } from './shut-out-reason.js';

export interface RedisLinkEvents {
  up(): void;
  /** @param refused Redis answered, and does not let us in */
  down(reason: string, refused: boolean): void;
}

/**
 * How long Redis may take to let a connection in that it has accepted, before that is given up for
 * another. ioredis has no limit for this: a network that forgets the connection in this moment
 * would keep the link away until TCP gives up, a quarter of an hour later. While Redis loads its
 * data, this does no harm.
 */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * So many connections in a row that are closed in the handshake are no accident: it is reported.
 */
const SHUT_OUT_FOR_A_REASON = 3;

/**
 * Watches one ioredis client: is it up, why not, and how the first attempt ended. Takes its
 * listeners off on `unwatch`.
 */
export class RedisClientWatch {
  readonly client: Redis;
  readonly #events: RedisLinkEvents;
  readonly #owned: boolean;
  #lastError: Error | undefined;
  #up = false;
  #inHandshake = false;
  #handshake: Deadline | undefined;
  /** Connections in a row that were accepted and closed before Redis had let us in. */
  #shutOut = 0;
  #shutOutReason = 'the reason is not known yet';

  readonly #onConnect = (): void => {
    this.#endHandshake();
    this.#inHandshake = true;
    if (this.#owned) this.#handshake = new Deadline(HANDSHAKE_TIMEOUT_MS, this.#onMute);
  };
  readonly #onMute = (): void => {
    this.#endHandshake();
    this.#lastError = new Error('it accepts connections and does not answer');
    this.renew();
  };
  readonly #onReady = (): void => {
    this.#endHandshake();
    this.#shutOut = 0;
    this.#lastError = undefined;
    if (this.#up) return;
    this.#up = true;
    this.#events.up();
  };
  readonly #onError = (error: Error): void => {
    this.#lastError = error;
    if (!this.#up && needsSomebody(error)) this.#events.down(this.reason, true);
  };
  readonly #onClose = (): void => {
    this.#shutOut = this.#inHandshake ? this.#shutOut + 1 : 0;
    this.#endHandshake();
    if (this.#up) {
      this.#up = false;
      this.#events.down(this.reason, false);
    } else if (this.#shutOut === SHUT_OUT_FOR_A_REASON) {
      void this.#askWhyShutOut().then(() => {
        if (this.#shutOut >= SHUT_OUT_FOR_A_REASON) this.#events.down(this.reason, true);
      });
    }
  };

  /** @param owned the client is ours: its connection may be given up for another */
  constructor(client: Redis, events: RedisLinkEvents, owned: boolean) {
    this.client = client;
    this.#events = events;
    this.#owned = owned;
    client
      .on('connect', this.#onConnect)
      .on('ready', this.#onReady)
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('end', this.#onClose);
  }

  get isUp(): boolean {
    return this.#up;
  }

  /**
   * Why nothing can be sent for now; undefined while it can. ioredis knows that a connection is
   * closed before it says so.
   */
  get downReason(): string | undefined {
    return this.#up && this.client.status === 'ready' ? undefined : this.reason;
  }

  get reason(): string {
    const reason = unreachableReason(this.#lastError);
    if (this.#shutOut === 0 || (this.#lastError && needsSomebody(this.#lastError))) return reason;
    return `${reason} (connections are closed as soon as they are made: ${this.#shutOutReason})`;
  }

  async #askWhyShutOut(): Promise<void> {
    this.#shutOutReason = await shutOutReason(this.client.options);
  }

  /**
   * Connects, and resolves with how the first attempt ended: up, or not for now (refused, or not
   * within the time; the client goes on trying). Rejects if it never can be.
   */
  open(timeoutMs: number): Promise<boolean> {
    const { client } = this;
    return new Promise<boolean>((resolve, reject) => {
      const settle = (act: () => void): void => {
        deadline.cancel();
        client
          .off('ready', onReady)
          .off('error', onError)
          .off('close', onClose)
          .off('end', onClose);
        act();
      };
      const onReady = (): void => settle(() => resolve(true));
      const onClose = (): void =>
        settle(() => {
          if (this.#shutOut === 0) resolve(false);
          else void this.#askWhyShutOut().then(() => resolve(false));
        });
      const onError = (error: Error): void => {
        const fix = misconfiguration(error);
        if (fix) settle(() => reject(new BackplaneConfigError(fix)));
      };
      const deadline = new Deadline(timeoutMs, () => {
        this.#lastError ??= notInTime(client, timeoutMs);
        onClose();
      });
      client.on('ready', onReady).on('error', onError).on('close', onClose).on('end', onClose);
      if (client.status === 'ready') {
        this.#onReady();
        onReady();
      } else if (client.status === 'wait') {
        // Its outcome reaches the listeners above.
        client.connect().catch(() => {});
      } else if (client.status === 'end') {
        settle(() =>
          reject(
            new BackplaneConfigError(
              'The "redis" option is an ioredis client that is closed already. Give an open one, or its options instead.',
            ),
          ),
        );
      }
    });
  }

  /**
   * Gives the connection up for another; nothing where another is on its way already, or where the
   * client is not ours.
   */
  renew(): void {
    const { status } = this.client;
    if (this.#owned && (status === 'ready' || status === 'connect')) disconnect(this.client, true);
  }

  #endHandshake(): void {
    this.#handshake?.cancel();
    this.#inHandshake = false;
  }

  unwatch(): void {
    this.#endHandshake();
    this.#up = false;
    this.client
      .off('connect', this.#onConnect)
      .off('ready', this.#onReady)
      .off('close', this.#onClose)
      .off('end', this.#onClose)
      .off('error', this.#onError);
  }

  /**
   * OutcomeCallbacks the client and waits for its socket, for as long as that may take. Never
   * rejects.
   */
  async end(graceMs: number): Promise<void> {
    this.unwatch();
    const { client } = this;
    // Without a listener, ioredis prints what happens while it closes.
    client.on('error', () => {});
    if (client.status === 'ready') await settledWithin(graceMs, client.quit());
    if (client.status === 'end') return;
    const socketOpen = ['connecting', 'connect', 'ready'].includes(client.status);
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    disconnect(client);
    if (socketOpen) await settledWithin(graceMs, ended);
    client.stream?.destroy();
  }
}

/**
 * A plain Redis waits for the end of what it takes for a command when TLS is spoken to it: nothing
 * is ever said, or closed.
 */
function notInTime({ options, status }: Redis, ms: number): Error {
  const shakesHands = options.tls !== undefined && status === 'connecting';
  return new Error(`no ${shakesHands ? 'TLS handshake' : 'answer'} within ${ms} ms`);
}
