import { quote } from '../../errors/quote.js';
import { isLogEntry } from '../../transport/log-entry.js';
import type { Counters } from '../common/counters.js';
import { decodeEnvelope, type Envelope, EnvelopeKind } from './envelope.js';
import type { ThrottledLog } from '../common/throttled-log.js';

/**
 * Takes envelopes of one kind. Answers with false for one whose inside is not intelligible. Must
 * not throw.
 */
export type EnvelopeReader = (envelope: Envelope, channel: string) => boolean;

export interface InboxOptions {
  /** Takes entries of histories, own ones too. Answers as a reader does. */
  readonly entries: (channel: string, bytes: Buffer) => boolean;
  readonly counters: Counters;
  readonly log: ThrottledLog;
  readonly isOwn: (instanceId: string) => boolean;
  readonly readers: Readonly<Record<Exclude<keyof typeof EnvelopeKind, 'probe'>, EnvelopeReader>>;
}

/**
 * Takes messages from channels: brings each envelope to its reader, and drops own echoes and what
 * is no envelope.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #readers: ReadonlyMap<number, EnvelopeReader>;

  constructor(options: InboxOptions) {
    this.#options = options;
    const { broadcast, request, answer, announcement, allowance, resend } = options.readers;
    this.#readers = new Map([
      [EnvelopeKind.broadcast, broadcast],
      [EnvelopeKind.request, request],
      [EnvelopeKind.answer, answer],
      [EnvelopeKind.announcement, announcement],
      [EnvelopeKind.allowance, allowance],
      [EnvelopeKind.resend, resend],
    ]);
  }

  /** Never throws, whatever the bytes are. */
  receive(channel: string, bytes: Buffer): void {
    const { counters, log } = this.#options;
    try {
      if (this.#isRead(channel, bytes)) return;
    } catch (error) {
      // A fault of a reader: a publisher in this Redis must not be able to end the process with it.
      log.error('unread', 'A message from Redis could not be read', error);
    }
    counters.malformed++;
    log.warn(
      'malformed',
      () =>
        `Dropped a message of ${bytes.length} bytes on ${quote(channel)} that is no envelope of this version. ` +
        'Does something else publish there? Give each app its own "eventKeys".',
    );
  }

  #isRead(channel: string, bytes: Buffer): boolean {
    if (isLogEntry(bytes) && this.#options.entries(channel, bytes)) return true;
    const envelope = decodeEnvelope(bytes);
    if (!envelope) return false;
    if (this.#options.isOwn(envelope.origin)) return true;
    return this.#readers.get(envelope.kind)?.(envelope, channel) ?? false;
  }
}
