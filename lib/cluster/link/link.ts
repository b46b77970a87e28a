import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { messageOf, oneLine } from '../../errors/quote.js';
import type { Transport } from '../../transport/transport.js';
import { guardedListener } from '../common/guarded-listener.js';
import { settledWithin, withDeadline } from '../../timing/deadline.js';
import type { BackplaneLogger } from '../common/logger.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import { Probe, ProbeTimeoutError } from './probe.js';
import { Subscriptions } from './subscriptions.js';

/**
 * `connecting`: before the first attempt has ended. `ready`: every subscription is confirmed, and a
 * message sent through Redis has come back. `degraded`: this instance serves its own clients only.
 * `closed`: finally.
 */
export type BackplaneStatus = 'connecting' | 'ready' | 'degraded' | 'closed';

export interface LinkOptions {
  readonly transport: Transport;
  readonly logger: BackplaneLogger;
  readonly log: ThrottledLog;
  readonly commandTimeoutMs: number;
  readonly failFast: boolean;
  readonly probeChannel: string;
  /** See `Transport.start`. */
  readonly checkChannels?: readonly string[];
  readonly instanceId: string;
  readonly onMessage: (channel: string, bytes: Buffer) => void;
}

/**
 * How often a link that looks healthy is asked to prove it. A silent loss is noticed within this
 * and `commandTimeoutMs`: 5 s by default. (A connection that is closed is noticed at once.)
 */
const PROBE_INTERVAL_MS = 3_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 500;
/** All subscriptions of an instance, confirmed anew. */
const RESTORE_TIMEOUT_MS = 30_000;
/**
 * After so many times `commandTimeoutMs` of silence in a row, the connections are made anew. So a
 * deaf one is replaced within `PROBE_INTERVAL_MS` and three times `commandTimeoutMs` of its loss,
 * and some tenths of a second: 10 s by default.
 */
const SILENCES_BEFORE_RESTART = 2;
/** So many attempts that failed in any other way: what says no may be the connection, not Redis. */
const ATTEMPTS_BEFORE_RESTART = 8;

/** The way to the other instances: keeps it open, proves that it is, and says so. */
export class Link {
  readonly subscriptions: Subscriptions;
  readonly #options: LinkOptions;
  readonly #transport: Transport;
  readonly #probe: Probe;
  readonly #emitter = new EventEmitter();
  #status: BackplaneStatus = 'connecting';
  /** Ended by every up and down: what was begun before is then of no interest. */
  #generation = new AbortController();
  #probeTimer: NodeJS.Timeout | undefined;
  #downSince = 0;
  #missed = 0;
  /** The reasons of this outage that were logged: why it began, and why it lasts. */
  readonly #reportedReasons = new Set<string>();
  #recovering: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#transport = options.transport;
    this.subscriptions = new Subscriptions(options.transport, {
      confirmTimeoutMs: options.commandTimeoutMs,
      onRefused: (error) => this.#fail(messageOf(error)),
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

  /** Since the last message that went to Redis and came back; undefined before the first. */
  get probeAgeMs(): number | undefined {
    return this.#probe.ageMs;
  }

  /**
   * Opens the link. Resolves when the first attempt has ended, well or not; rejects for a failure
   * that no waiting repairs.
   */
  async start(): Promise<void> {
    const { failFast, commandTimeoutMs } = this.#options;
    let downReason = '';
    const events = {
      message: (channel: string, bytes: Buffer) => this.#onMessage(channel, bytes),
      up: () => this.#up(),
      down: (words: string, refused?: boolean) => {
        const reason = oneLine(words);
        downReason = reason;
        this.#lost(reason);
        if (refused) this.#tellWhyItLasts(reason);
      },
      silent: (words: string) => {
        // Otherwise it is being restored already.
        if (this.#status === 'ready') this.#fail(oneLine(words));
      },
    };
    const open = await this.#transport.start(events, this.#options.checkChannels);
    if (open) await this.#settled(commandTimeoutMs * 2);
    if (failFast && this.#status !== 'ready') {
      await this.close();
      throw new BackplaneUnavailableError(
        `Redis cannot be reached at boot: ${downReason || 'no message came back through it'}. ` +
          'Start it, correct the "redis" option, or leave "failFast" off to boot without it.',
      );
    }
  }

  /**
   * Resolves when the status is `ready`; rejects with `BackplaneClosedError` when it never will be.
   */
  async ready(): Promise<void> {
    while (this.#status !== 'ready') {
      if (this.#status === 'closed') throw new BackplaneClosedError();
      await once(this.#emitter, 'status');
    }
  }

  /** A listener that throws is logged: the link goes on. */
  onStatus(listener: (status: BackplaneStatus) => void): () => void {
    const guarded = guardedListener('status', listener, this.#options.log);
    this.#emitter.on('status', guarded);
    return () => this.#emitter.off('status', guarded);
  }

  /** A broadcast could not leave: it is counted in the line that says the link is back. */
  countMissed(): void {
    this.#missed++;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#endGeneration();
    this.subscriptions.close();
    this.#setStatus('closed');
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
    this.#endGeneration();
    this.subscriptions.suspend();
    if (this.#status === 'degraded') return;
    this.#downSince = performance.now();
    this.#missed = 0;
    this.#reportedReasons.clear();
    this.#reportedReasons.add(reason);
    this.#options.logger.warn(
      `The link to the other instances is lost: ${reason}. Clients stay connected. Broadcasts reach ` +
        'those of this instance now, and those of the others when the link is back.',
    );
    this.#setStatus('degraded');
  }

  /**
   * Once an outage: the return is prevented by an answer of Redis, and may need somebody to act.
   * The first line could not say so, as a closed connection gives no reason.
   */
  #tellWhyItLasts(reason: string): void {
    if (
      this.#status !== 'degraded' ||
      this.#reportedReasons.size > 1 ||
      this.#reportedReasons.has(reason)
    )
      return;
    this.#reportedReasons.add(reason);
    this.#options.logger.error(
      `The link to the other instances cannot be restored for now: ${reason}. It is tried again until it can.`,
    );
  }

  /**
   * Proves the link and restores the subscriptions, again and again until it worked or was
   * overtaken by an up or a down.
   */
  #recover(): void {
    if (this.#status === 'closed') return;
    this.#endGeneration();
    const { signal } = this.#generation;
    const before = this.#recovering;
    this.#recovering = before.then(() => this.#tryUntilReady(signal)).catch(() => {});
  }

  async #tryUntilReady(overtaken: AbortSignal): Promise<void> {
    let silences = 0;
    let refusals = 0;
    for (let attempt = 1; !overtaken.aborted; attempt++) {
      try {
        await this.#probe.prove();
        await this.#restore(overtaken);
        if (overtaken.aborted) return;
        await this.#probe.prove();
        if (!overtaken.aborted) this.#becomeReady();
        return;
      } catch (error) {
        if (overtaken.aborted) return;
        const message = messageOf(error);
        if (this.#status !== 'degraded') return this.#fail(message);
        this.subscriptions.suspend();
        if (error instanceof ProbeTimeoutError) {
          if (++silences % SILENCES_BEFORE_RESTART === 0) this.#transport.restart();
        } else if (++refusals > 1) {
          // Not the first, which may be of a connection that is just closing.
          this.#tellWhyItLasts(message);
        }
        if (attempt % ATTEMPTS_BEFORE_RESTART === 0) this.#transport.restart();
        const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
        await delay(ms, undefined, { signal: overtaken });
      }
    }
  }

  async #restore(overtaken: AbortSignal): Promise<void> {
    const restored = orAborted(this.subscriptions.restore(), overtaken);
    await withDeadline(
      restored,
      RESTORE_TIMEOUT_MS,
      () => new ProbeTimeoutError('the subscriptions were not confirmed in time'),
    );
  }

  #becomeReady(): void {
    if (this.#status === 'degraded') {
      const seconds = ((performance.now() - this.#downSince) / 1_000).toFixed(1);
      this.#options.logger.log(
        `The link to the other instances is back after ${seconds} s: ${this.subscriptions.size} subscriptions restored, ` +
          `${this.#missed} messages of this instance did not leave meanwhile.`,
      );
    }
    this.#probeLater();
    this.#setStatus('ready');
  }

  #probeLater(): void {
    const overtaken = this.#generation.signal;
    this.#probeTimer = setTimeout(() => {
      this.#probe.prove().then(
        () => {
          if (!overtaken.aborted) this.#probeLater();
        },
        (error: Error) => {
          if (!overtaken.aborted) this.#fail(messageOf(error));
        },
      );
    }, PROBE_INTERVAL_MS);
  }

  #endGeneration(): void {
    this.#generation.abort();
    this.#generation = new AbortController();
    clearTimeout(this.#probeTimer);
    this.#probe.cancel();
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
    await settledWithin(ms, settled);
  }
}

/**
 * Settles as the promise does, or rejects when the signal says that nobody waits for it any more.
 */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(new Error('overtaken'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
