import { decodeControlPayload, encodeControlPayload, isCount } from '../wire/control-payload.js';

/** Asks what an instance has missed that was away for so long. */
export interface DigestRequest {
  /** Names the request. */
  readonly digest: number;
  readonly absentMs: number;
  /**
   * Of the channels in the sender's order, those after this one: an answer may have had no room for
   * them.
   */
  readonly after: number;
}

/** The newest of what was sent to a channel. */
export interface DigestEntry {
  readonly channel: string;
  readonly start: number;
  readonly number: number;
}

export interface DigestAnswer {
  readonly digestOf: number;
  /** All that was sent within this time can be asked for; undefined for all at all. */
  readonly reachMs: number | undefined;
  /** Where the rest begins; undefined where this is the last part. */
  readonly next: number | undefined;
  readonly entries: readonly DigestEntry[];
}

/** The missing messages of a channel: from one number to another. */
export interface Hole extends DigestEntry {
  readonly to: number;
  /** Messages that were sent before were not for this instance. */
  readonly sinceMs: number;
}

/** For what is missing. */
export interface HolesRequest {
  readonly holes: number;
  readonly entries: readonly Hole[];
}

/**
 * `message`: as it was sent. `void`: was taken back. `end`: all is there of this hole; its number
 * is the last of it that exists, or the newest of the channel where the numbering is another.
 */
export type ResendKind = 'message' | 'void' | 'end';

export interface ResendItem {
  /** Which of the holes that were asked for. */
  readonly index: number;
  readonly kind: ResendKind;
  readonly number: number;
  /** Of a message: the envelope. Of an end: see {@link encodeEnd}. */
  readonly bytes: Buffer;
}

export interface HolesAnswer {
  readonly holesOf: number;
  readonly items: readonly ResendItem[];
}

export interface End {
  /** The present numbering; 0 where there is none. */
  readonly start: number;
  /** Of what is missing, all from this number on is lost. */
  readonly lostFrom: number;
}

const KINDS: readonly ResendKind[] = ['message', 'void', 'end'];
const NOTHING = Buffer.alloc(0);

export function encodeDigestRequest({ digest, absentMs, after }: DigestRequest): Buffer {
  return encodeControlPayload({ digest, absentMs, after });
}

export function encodeDigestAnswer(answer: DigestAnswer): Buffer {
  const { digestOf, reachMs, next, entries } = answer;
  return encodeControlPayload({ digestOf, reachMs, next }, Buffer.concat(entries.map(encodeEntry)));
}

export function encodeHolesRequest({ holes, entries }: HolesRequest): Buffer {
  const bytes = entries.map((entry) => {
    const head = Buffer.allocUnsafe(8);
    head.writeUInt32BE(Math.min(Math.ceil(entry.sinceMs), 0xffff_ffff), 0);
    head.writeUInt32BE(entry.to, 4);
    return Buffer.concat([head, encodeEntry(entry)]);
  });
  return encodeControlPayload({ holes }, Buffer.concat(bytes));
}

export function encodeHolesAnswer({ holesOf, items }: HolesAnswer): Buffer {
  const parts: Buffer[] = [];
  for (const { index, kind, number, bytes } of items) {
    const head = Buffer.allocUnsafe(11);
    head.writeUInt16BE(index, 0);
    head[2] = KINDS.indexOf(kind);
    head.writeUInt32BE(number, 3);
    head.writeUInt32BE(bytes.length, 7);
    parts.push(head, bytes);
  }
  return encodeControlPayload({ holesOf }, Buffer.concat(parts));
}

export function encodeEnd({ start, lostFrom }: End): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUIntBE(start, 0, 6);
  bytes.writeUInt32BE(Math.min(lostFrom, 0xffff_ffff), 6);
  return bytes;
}

export function decodeEnd(bytes: Buffer): End | undefined {
  if (bytes.length !== 10) return undefined;
  return { start: bytes.readUIntBE(0, 6), lostFrom: bytes.readUInt32BE(6) };
}

/** Undefined for what is none of the four. */
export function decodeResend(
  payload: Buffer,
): DigestRequest | DigestAnswer | HolesRequest | HolesAnswer | undefined {
  const control = decodeControlPayload(payload);
  if (!control) return undefined;
  const { digest, absentMs, after, digestOf, reachMs, next, holes, holesOf } = control.fields;
  const body = new Reader(control.body);
  if (isCount(digest) && isCount(absentMs) && isCount(after)) return { digest, absentMs, after };
  if (isCount(digestOf) && isCountOrNone(reachMs) && isCountOrNone(next)) {
    const entries = body.all(readEntry);
    return entries && { digestOf, reachMs, next, entries };
  }
  if (isCount(holes)) {
    const entries = body.all((reader) => {
      const sinceMs = reader.uint(4);
      const to = reader.uint(4);
      return { ...readEntry(reader), to, sinceMs };
    });
    return entries && { holes, entries };
  }
  if (!isCount(holesOf)) return undefined;
  const items = body.all(readItem);
  return items && { holesOf, items };
}

function isCountOrNone(value: unknown): value is number | undefined {
  return value === undefined || isCount(value);
}

/** start (6), number (4), length (2), channel (UTF-8). */
function encodeEntry({ channel, start, number }: DigestEntry): Buffer {
  const length = Buffer.byteLength(channel);
  const bytes = Buffer.allocUnsafe(12 + length);
  bytes.writeUIntBE(start, 0, 6);
  bytes.writeUInt32BE(number, 6);
  bytes.writeUInt16BE(length, 10);
  bytes.write(channel, 12, 'utf8');
  return bytes;
}

function readEntry(reader: Reader): DigestEntry {
  const start = reader.uint(6);
  const number = reader.uint(4);
  return { start, number, channel: reader.bytes(reader.uint(2)).toString('utf8') };
}

function readItem(reader: Reader): ResendItem {
  const index = reader.uint(2);
  const kind = KINDS[reader.uint(1)];
  if (!kind) throw new UnreadableError();
  const number = reader.uint(4);
  const length = reader.uint(4);
  return { index, kind, number, bytes: length === 0 ? NOTHING : reader.bytes(length) };
}

class UnreadableError extends Error {}

/** Reads bytes from their beginning, and nothing outside them. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * All items up to the end; undefined where the bytes end within one, or one is not intelligible.
   */
  all<T>(read: (reader: Reader) => T): T[] | undefined {
    const items: T[] = [];
    try {
      while (this.#at < this.#bytes.length) items.push(read(this));
      return items;
    } catch (error) {
      if (error instanceof UnreadableError) return undefined;
      throw error;
    }
  }

  /** @throws UnreadableError beyond the end */
  uint(length: 1 | 2 | 4 | 6): number {
    return this.bytes(length).readUIntBE(0, length);
  }

  /** @throws UnreadableError beyond the end */
  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new UnreadableError();
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
