import type { PublishedEntry } from './logs.js';

/*
 * An entry of a log as it travels on its channel (big endian). The first two bytes are those of an envelope of version 1 and
 * kind 6, so that a reader tells entries from envelopes, and one that knows no entries drops them as unknown.
 *
 *   0  1  version, 1
 *   1  1  kind, 6
 *   2  2  reserved, 0
 *   4  8  epoch, ASCII
 *  12  8  offset
 *  20  8  when it was appended, in ms since 1970, by Redis's clock
 *  28  8  tag, ASCII
 *  36  8  tag of the entry before, ASCII; zeros: there is none
 *  44  …  the bytes
 */
const VERSION = 1;
const KIND = 6;
/** Of an epoch and of a tag. */
export const LOG_NAME_BYTES = 8;
const EPOCH_AT = 4;
const OFFSET_AT = EPOCH_AT + LOG_NAME_BYTES;
const TIME_AT = OFFSET_AT + 8;
const TAG_AT = TIME_AT + 8;
const PREVIOUS_TAG_AT = TAG_AT + LOG_NAME_BYTES;
export const LOG_HEADER_BYTES = PREVIOUS_TAG_AT + LOG_NAME_BYTES;

/** Whether the bytes claim to be an entry. */
export function isLogEntry(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes[0] === VERSION && bytes[1] === KIND;
}

export function encodeLogEntry(entry: PublishedEntry): Buffer {
  const head = Buffer.alloc(LOG_HEADER_BYTES);
  head[0] = VERSION;
  head[1] = KIND;
  head.write(entry.epoch, EPOCH_AT, LOG_NAME_BYTES, 'latin1');
  head.writeBigUInt64BE(BigInt(entry.offset), OFFSET_AT);
  head.writeBigUInt64BE(BigInt(entry.publishedAtMs), TIME_AT);
  head.write(entry.tag, TAG_AT, LOG_NAME_BYTES, 'latin1');
  head.write(entry.previousTag, PREVIOUS_TAG_AT, LOG_NAME_BYTES, 'latin1');
  return Buffer.concat([head, entry.bytes]);
}

/** Undefined for bytes that are no entry. The content of its bytes is not looked at. */
export function decodeLogEntry(bytes: Buffer): PublishedEntry | undefined {
  if (!isLogEntry(bytes) || bytes.length < LOG_HEADER_BYTES) return undefined;
  const offset = uint64At(bytes, OFFSET_AT);
  const publishedAtMs = uint64At(bytes, TIME_AT);
  if (!Number.isSafeInteger(offset) || offset === 0 || !Number.isSafeInteger(publishedAtMs))
    return undefined;
  return {
    epoch: nameAt(bytes, EPOCH_AT),
    offset,
    publishedAtMs,
    tag: nameAt(bytes, TAG_AT),
    previousTag: bytes[PREVIOUS_TAG_AT] === 0 ? '' : nameAt(bytes, PREVIOUS_TAG_AT),
    bytes: bytes.subarray(LOG_HEADER_BYTES),
  };
}

function uint64At(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

function nameAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + LOG_NAME_BYTES);
}
