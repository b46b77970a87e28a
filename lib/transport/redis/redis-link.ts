import type { Redis } from 'ioredis';

import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import { misconfiguration, unreachableReason } from './redis-misconfiguration.js';

export interface RedisLinkEvents {
  up(): void;
  down(reason: string): void;
}

/** Watches one ioredis client: is it up, why not, and how the first attempt ended. Takes its listeners off on `unwatch`. */
export class RedisLink {
  readonly client: Redis;
  readonly #events: RedisLinkEvents;
  #lastError: Error | undefined;
  #up = false;

  readonly #onReady = (): void => {
    this.#lastError = undefined;
    if (this.#up) return;
    this.#up = true;
    this.#events.up();
  };
  readonly #onError = (error: Error): void => {
    this.#lastError = error;
  };
  readonly #onClose = (): void => {
    if (!this.#up) return;
    this.#up = false;
    this.#events.down(unreachableReason(this.#lastError));
  };

  constructor(client: Redis, events: RedisLinkEvents) {
    this.client = client;
    this.#events = events;
    client
      .on('ready', this.#onReady)
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('end', this.#onClose);
  }

  get isUp(): boolean {
    return this.#up;
  }

  get reason(): string {
    return unreachableReason(this.#lastError);
  }

  /**
   * Connects, and resolves with how the first attempt ended: up, or not for now (refused, or not within the time; the
   * client goes on trying). Rejects if it never can be.
   */
  open(timeoutMs: number): Promise<boolean> {
    const { client } = this;
    return new Promise<boolean>((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        client
          .off('ready', onReady)
          .off('error', onError)
          .off('close', onClose)
          .off('end', onClose);
        act();
      };
      const onReady = (): void => settle(() => resolve(true));
      const onClose = (): void => settle(() => resolve(false));
      const onError = (error: Error): void => {
        const mend = misconfiguration(error);
        if (mend) settle(() => reject(new BackplaneConfigError(mend)));
      };
      const timer = setTimeout(onClose, timeoutMs);
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

  unwatch(): void {
    this.#up = false;
    this.client
      .off('ready', this.#onReady)
      .off('close', this.#onClose)
      .off('end', this.#onClose)
      .off('error', this.#onError);
  }

  /** Ends the client and waits for its socket, for as long as that may take. Never rejects. */
  async end(graceMs: number): Promise<void> {
    this.unwatch();
    const { client } = this;
    // Without a listener, ioredis prints what happens while it closes.
    client.on('error', () => {});
    if (client.status === 'ready') await within(graceMs, client.quit());
    if (client.status === 'end') return;
    const socketOpen = ['connecting', 'connect', 'ready'].includes(client.status);
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.disconnect();
    if (socketOpen) await within(graceMs, ended);
    client.stream?.destroy();
  }
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise.catch(() => {}), deadline]);
  clearTimeout(timer);
}
