import { randomInt } from 'node:crypto';

import { withDeadline } from '../../timing/deadline.js';
import type { Transport } from '../../transport/transport.js';
import { decodeEnvelope, encodeEnvelope, EnvelopeKind } from '../wire/envelope.js';

const NOTHING = Buffer.alloc(0);
/** As `randomInt` and the envelope have room for. */
const MAX_SEQUENCE = 2 ** 48 - 1;

/** Neither an answer nor a refusal came in time: the connections themselves are suspect. */
export class ProbeTimeoutError extends Error {}

/**
 * A message that an instance sends itself through Redis: the only proof that messages arrive. A
 * subscriber's connection can look healthy and deliver nothing.
 */
export class Probe {
  readonly #transport: Transport;
  readonly #channel: string;
  readonly #instanceId: string;
  readonly #timeoutMs: number;
  #provenAt: number | undefined;
  #arrived: ((sequence: number) => void) | undefined;
  #cancel: ((reason: Error) => void) | undefined;
  /** Raised by {@link cancel}. */
  #generation = 0;
  /**
   * The channel is confirmed over the link of that era: to ask again would wait behind whatever is
   * being subscribed to.
   */
  #subscribedIn = -1;

  constructor(transport: Transport, channel: string, instanceId: string, timeoutMs: number) {
    this.#transport = transport;
    this.#channel = channel;
    this.#instanceId = instanceId;
    this.#timeoutMs = timeoutMs;
  }

  /** Since a message last went round; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#provenAt === undefined ? undefined : performance.now() - this.#provenAt;
  }

  /** Resolves when a message has gone round; rejects with what stood in its way. One at a time. */
  async prove(): Promise<void> {
    await withDeadline(this.#goRound(), this.#timeoutMs, () => this.#silent());
  }

  receive(bytes: Buffer): void {
    const envelope = decodeEnvelope(bytes);
    if (envelope?.kind === EnvelopeKind.probe && envelope.origin === this.#instanceId) {
      this.#arrived?.(envelope.sequence);
    }
  }

  /** OutcomeCallbacks what is under way: the link is another, or in doubt. */
  cancel(): void {
    this.#generation++;
    this.#cancel?.(new Error('the link was lost'));
  }

  #silent(): ProbeTimeoutError {
    return new ProbeTimeoutError(`no message came back through Redis within ${this.#timeoutMs} ms`);
  }

  async #goRound(): Promise<void> {
    // Nobody can know it before it is on its way: another's message proves nothing.
    const sequence = randomInt(MAX_SEQUENCE);
    const arrival = new Promise<void>((resolve, reject) => {
      this.#arrived = (arrived) => {
        if (arrived === sequence) resolve();
      };
      this.#cancel = reject;
    });
    // Its rejection is the caller's when it comes to waiting for it.
    arrival.catch(() => {});
    const generation = this.#generation;
    if (this.#subscribedIn !== generation) {
      await Promise.race([this.#transport.subscribe([this.#channel]), arrival]);
      this.#subscribedIn = generation;
    }
    await Promise.race([this.#publish(sequence), arrival]);
    await arrival;
    this.#provenAt = performance.now();
  }

  /** Past all that waits: it asks for the way, not for what stands on it. */
  #publish(sequence: number): Promise<void> {
    return this.#transport.publish(this.#channel, this.#envelope(sequence), { lane: 'urgent' });
  }

  #envelope(sequence: number): Buffer {
    return encodeEnvelope({
      kind: EnvelopeKind.probe,
      origin: this.#instanceId,
      sequence,
      binary: false,
      mayRepeat: false,
      volatile: false,
      compress: true,
      target: NOTHING,
      payload: NOTHING,
    });
  }
}
