import type { Transport } from '../../transport/transport.js';
import type { ChannelNames } from '../wire/channels.js';
import { encodeControl, EnvelopeKind, stampAge } from '../wire/envelope.js';
import type { LiveSender } from './live-sender.js';
import {
  type DigestEntry,
  type DigestRequest,
  encodeDigestAnswer,
  encodeEnd,
  encodeHolesAnswer,
  type Hole,
  type HolesRequest,
  type ResendItem,
} from './resend-messages.js';

/**
 * A requester has four answers under way at a time, so that they take a MiB of what Redis lets a
 * subscriber have unread.
 */
export const ANSWER_BYTES = 256 * 1024;
/** A request is asked again; so many requesters wait for an answer at a time. */
const MAX_WAITING = 1_024;
/** A requester's absence and the times of this list are measured by two clocks, on two machines. */
const CLOCK_MARGIN_MS = 1_000;
/** The bytes that each takes besides its message. */
const ITEM_BYTES = 24;
const NOTHING = Buffer.alloc(0);

export interface LiveAnswersOptions {
  readonly transport: Pick<Transport, 'publish'>;
  readonly channels: Pick<ChannelNames, 'direct'>;
  /** This instance. */
  readonly life: string;
  readonly sender: LiveSender;
  /** Older messages are not sent any more. */
  readonly maxAgeMs: number;
}

/**
 * Answers the instances that missed live messages of this one. The answers come behind messages
 * that are sent again, as the others would ask for these.
 */
export class LiveAnswers {
  readonly #options: LiveAnswersOptions;
  /** By requester, its last request. */
  readonly #waiting = new Map<string, DigestRequest | HolesRequest>();
  #closed = false;

  constructor(options: LiveAnswersOptions) {
    this.#options = options;
  }

  answer(requester: string, request: DigestRequest | HolesRequest): void {
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(requester)) return;
    const isFirst = this.#waiting.size === 0;
    this.#waiting.set(requester, request);
    if (isFirst) void this.#options.sender.caughtUp().then(() => this.#answerAll());
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  #answerAll(): void {
    for (const [requester, request] of this.#waiting) {
      this.#waiting.delete(requester);
      const payload = 'digest' in request ? this.#digest(request) : this.#messages(request);
      if (!this.#closed) this.#tell(requester, payload);
    }
  }

  /** One that does not arrive is asked for again. */
  #tell(requester: string, payload: Buffer): void {
    const { transport, channels, life } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.resend,
      origin: life,
      sequence: 0,
      payload,
    });
    transport.publish(channels.direct(requester), bytes, { lane: 'control' }).catch(() => {});
  }

  #digest({ digest, absentMs, after }: DigestRequest): Buffer {
    const { list } = this.#options.sender;
    const now = performance.now();
    const since = now - absentMs - CLOCK_MARGIN_MS;
    const entries: DigestEntry[] = [];
    let bytes = 0;
    let next: number | undefined;
    for (const { id, name, start, number, leftAt } of list.channels()) {
      if (id <= after || leftAt < since) continue;
      if (bytes >= ANSWER_BYTES) {
        next = id - 1;
        break;
      }
      entries.push({ channel: name, start, number });
      bytes += name.length + 12;
    }
    const reach = now - list.completeSince;
    const reachMs = reach === Infinity ? undefined : Math.floor(reach);
    return encodeDigestAnswer({ digestOf: digest, reachMs, next, entries });
  }

  #messages({ holes, entries }: HolesRequest): Buffer {
    const items: ResendItem[] = [];
    let room = ANSWER_BYTES;
    for (const [index, hole] of entries.entries()) {
      room = this.#itemsOf(index, hole, room, items);
      if (room <= 0) break;
    }
    return encodeHolesAnswer({ holesOf: holes, items });
  }

  /** Answers with the room that is left. Where there is none, the rest is asked for again. */
  #itemsOf(index: number, hole: Hole, room: number, items: ResendItem[]): number {
    const { list } = this.#options.sender;
    const channel = list.channel(hole.channel);
    if (channel?.start !== hole.start) {
      items.push(endOf(index, channel?.number ?? 0, channel?.start ?? 0, hole.number));
      return room - ITEM_BYTES;
    }
    const now = performance.now();
    const found = list.find(channel, hole.number, hole.to);
    const last = Math.min(hole.to, channel.number);
    // Messages that the list has no more were sent before the requester heard the channel, or are
    // lost.
    const isComplete = list.completeSince <= now - hole.sinceMs;
    let lostFrom = isComplete ? (found[0]?.number ?? last + 1) : hole.number;
    for (const { number, slot } of found) {
      if (room <= 0) return 0;
      const { state, at } = list.record(slot);
      const ageMs = now - at;
      if (ageMs > hole.sinceMs + CLOCK_MARGIN_MS) lostFrom = number + 1;
      else if (state === 'void') items.push({ index, kind: 'void', number, bytes: NOTHING });
      else if (ageMs <= this.#options.maxAgeMs) {
        const bytes = list.message(slot);
        stampAge(bytes, ageMs);
        items.push({ index, kind: 'message', number, bytes });
        room -= bytes.length;
      }
      room -= ITEM_BYTES;
    }
    items.push(endOf(index, last, channel.start, lostFrom));
    return room - ITEM_BYTES;
  }
}

function endOf(index: number, number: number, start: number, lostFrom: number): ResendItem {
  return { index, kind: 'end', number, bytes: encodeEnd({ start, lostFrom }) };
}
