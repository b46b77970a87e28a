import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { BackplaneClosedError } from '../errors/backplane-closed.error.js';
import { BackplaneUnavailableError } from '../errors/backplane-unavailable.error.js';
import type { Transport } from '../transport/transport.js';
import { withDeadline } from './deadline.js';
import type { BackplaneLogger } from './logger.js';
import { Probe } from './probe.js';
import { Subscriptions } from './subscriptions.js';

/**
 * `connecting`: before the first attempt has ended. `ready`: every subscription is confirmed, and a message sent through
 * Redis has come back. `degraded`: this instance serves its own clients only. `closed`: for good.
 */
export type BackplaneStatus = 'connecting' | 'ready' | 'degraded' | 'closed';

export interface LinkOptions {
  readonly transport: Transport;
  readonly logger: BackplaneLogger;
  readonly commandTimeoutMs: number;
  readonly failFast: boolean;
  readonly probeChannel: string;
  readonly instanceId: string;
  readonly onMessage: (channel: string, bytes: Buffer) => void;
}

/** How often a link that looks healthy is asked to prove it. With the command time-out, the bound for a silent loss. */
const PROBE_INTERVAL_MS = 3_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;
/** All subscriptions of an instance, confirmed anew. */
const RESTORE_TIMEOUT_MS = 30_000;
/** After so many proofs failed in a row the connections themselves are suspect, and are made anew. */
const PROOFS_BEFORE_RESTART = 4;

/** The way to the other instances: keeps it open, proves that it is, and says so. */
export class Link {
  readonly subscriptions: Subscriptions;
  readonly #options: LinkOptions;
  readonly #transport: Transport;
  readonly #probe: Probe;
  readonly #emitter = new EventEmitter();
  #status: BackplaneStatus = 'connecting';
  /** Raised by every up and down: what was begun before is then of no interest. */
  #generation = 0;
  #probeTimer: NodeJS.Timeout | undefined;
  readonly #stop = new AbortController();
  #downSince = 0;
  #missed = 0;
  #recovering: Promise<void> = Promise.resolve();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#transport = options.transport;
    this.subscriptions = new Subscriptions(options.transport, {
      confirmTimeoutMs: options.commandTimeoutMs,
      onRefused: (error) => this.#fail(`Redis refused a subscription: ${error.message}`),
    });
    this.#probe = new Probe(
      options.transport,
      options.probeChannel,
      options.instanceId,
      options.commandTimeoutMs,
    );
    // As many as the app likes to have.
    this.#emitter.setMaxListeners(0);
  }

  get status(): BackplaneStatus {
    return this.#status;
  }

  /** Opens the link. Resolves when the first attempt has ended, well or not; rejects for what cannot mend by itself. */
  async start(): Promise<void> {
    const { failFast, commandTimeoutMs } = this.#options;
    let downReason = '';
    const open = await this.#transport.start({
      message: (channel, bytes) => this.#onMessage(channel, bytes),
      up: () => this.#up(),
      down: (reason) => {
        downReason = reason;
        this.#lost(reason);
      },
    });
    if (open) await this.#settled(commandTimeoutMs * 2);
    if (failFast && this.#status !== 'ready') {
      await this.close();
      throw new BackplaneUnavailableError(
        `Redis cannot be reached at boot: ${downReason || 'no message came back through it'}. ` +
          'Start it, correct the "redis" option, or leave "failFast" off to boot without it.',
      );
    }
  }

  /** Resolves when the status is `ready`; rejects with `BackplaneClosedError` when it never will be. */
  async ready(): Promise<void> {
    while (this.#status !== 'ready') {
      if (this.#status === 'closed') throw new BackplaneClosedError();
      await once(this.#emitter, 'status');
    }
  }

  onStatus(listener: (status: BackplaneStatus) => void): () => void {
    this.#emitter.on('status', listener);
    return () => this.#emitter.off('status', listener);
  }

  /** A broadcast could not leave: told in the line that says the link is back. */
  countMissed(): void {
    this.#missed++;
  }

  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    this.#generation++;
    this.#setStatus('closed');
    this.#stop.abort();
    clearTimeout(this.#probeTimer);
    this.#probe.cancel();
    this.subscriptions.close();
    await this.#transport.close();
    await this.#recovering;
    this.#emitter.removeAllListeners();
  }

  #onMessage(channel: string, bytes: Buffer): void {
    if (channel === this.#options.probeChannel) this.#probe.receive(bytes);
    else this.#options.onMessage(channel, bytes);
  }

  #up(): void {
    if (this.#status !== 'closed') this.#recover();
  }

  /** The connections stand, but what they are for does not work. */
  #fail(reason: string): void {
    if (this.#status === 'closed') return;
    this.#lost(reason);
    this.#recover();
  }

  #lost(reason: string): void {
    if (this.#status === 'closed') return;
    this.#generation++;
    clearTimeout(this.#probeTimer);
    this.subscriptions.suspend();
    this.#probe.cancel();
    if (this.#status === 'degraded') return;
    this.#downSince = performance.now();
    this.#missed = 0;
    this.#options.logger.warn(
      `The link to the other instances is lost: ${reason}. Clients stay connected, broadcasts reach those of this ` +
        'instance only, and the rest is made good when it is back.',
    );
    this.#setStatus('degraded');
  }

  /** Proves the link and restores the subscriptions, again and again until it worked or was overtaken by an up or a down. */
  #recover(): void {
    const generation = ++this.#generation;
    const before = this.#recovering;
    this.#recovering = before.then(() => this.#tryUntilReady(generation)).catch(() => {});
  }

  async #tryUntilReady(generation: number): Promise<void> {
    for (let attempt = 1; generation === this.#generation; attempt++) {
      try {
        await this.#probe.prove();
        await withDeadline(
          this.subscriptions.restore(),
          RESTORE_TIMEOUT_MS,
          () => new Error('not confirmed in time'),
        );
        await this.#probe.prove();
        if (generation === this.#generation) this.#becomeReady();
        return;
      } catch (error) {
        if (generation !== this.#generation) return;
        if (this.#status !== 'degraded') return this.#fail((error as Error).message);
        if (attempt % PROOFS_BEFORE_RESTART === 0) this.#transport.restart();
        await delay(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt), undefined, {
          signal: this.#stop.signal,
        });
      }
    }
  }

  #becomeReady(): void {
    if (this.#status === 'degraded') {
      const seconds = ((performance.now() - this.#downSince) / 1_000).toFixed(1);
      this.#options.logger.log(
        `The link to the other instances is back after ${seconds} s: ${this.subscriptions.size} subscriptions restored, ` +
          `${this.#missed} messages of this instance did not leave meanwhile.`,
      );
    }
    this.#setStatus('ready');
    this.#probeLater();
  }

  #probeLater(): void {
    const generation = this.#generation;
    this.#probeTimer = setTimeout(() => {
      this.#probe.prove().then(
        () => {
          if (generation === this.#generation) this.#probeLater();
        },
        (error: Error) => {
          if (generation !== this.#generation) return;
          this.#fail(error.message);
        },
      );
    }, PROBE_INTERVAL_MS);
  }

  #setStatus(status: BackplaneStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#emitter.emit('status', status);
  }

  /** Waits until the status is no longer `connecting`, for so long at most. */
  async #settled(ms: number): Promise<void> {
    if (this.#status !== 'connecting') return;
    const settled = once(this.#emitter, 'status');
    await withDeadline(settled, ms, () => new Error('still connecting')).catch(() => {});
  }
}
