import { isUtf8 } from 'node:buffer';

import { INSTANCE_ID_LENGTH } from './instance-id.js';
import {
  decodePositions,
  encodePositions,
  type LivePosition,
  POSITION_BYTES,
} from './live-position.js';

/*
 * The bytes between instances (big endian). Version 1:
 *
 *   0  1  version
 *   1  1  kind
 *   2  1  flags
 *   3  1  reserved, 0
 *   4 16  origin: the instance that sent it, ASCII
 *  20  6  sequence: the origin's count of messages; with the origin, the message's id
 *  26  4  length of the target
 *  30  …  target; empty: whom the channel stands for
 *   …  …  payload, to the end: of a broadcast, what the clients will read; of a request, an answer and an
 *         announcement, a parcel (parcel.ts)
 *
 * Version 2, of live broadcasts only: as version 1, but
 *
 *   3  1  number of places
 *   4 16  origin: the life of the sender, an instance id that it keeps for good
 *  30  4  age in ms, when it left
 *  34  …  the places (places.ts), then the target and the payload
 *
 * A reader takes its own version and the one before. Nothing here is trusted: a reader checks each length, allocates
 * from none, and answers with undefined for what it does not know.
 */
const VERSION = 1;
const LIVE_VERSION = 2;
const ORIGIN_AT = 4;
const SEQUENCE_AT = ORIGIN_AT + INSTANCE_ID_LENGTH;
const TARGET_LENGTH_AT = SEQUENCE_AT + 6;
const HEADER_BYTES = TARGET_LENGTH_AT + 4;
const AGE_AT = HEADER_BYTES;
const POSITIONS_AT = AGE_AT + 4;

export const EnvelopeKind = {
  broadcast: 1,
  probe: 2,
  request: 3,
  answer: 4,
  announcement: 5,
  // 6 is an entry of a log: `log-entry.ts`.
  /** Of an asker, for more of an answer. */
  allowance: 7,
  /** Asks a sender for live messages that were missed, or answers that. */
  resend: 8,
} as const;
export type EnvelopeKind = (typeof EnvelopeKind)[keyof typeof EnvelopeKind];

const NOTHING = Buffer.alloc(0);
const KINDS: ReadonlySet<number> = new Set(Object.values(EnvelopeKind));

const BINARY = 1;
const MAY_REPEAT = 2;
const VOLATILE = 4;
const UNCOMPRESSED = 8;
/** Of version 2: see {@link LiveHeader.isListed}. */
const UNLISTED = 16;
const KNOWN_FLAGS = BINARY | MAY_REPEAT | VOLATILE | UNCOMPRESSED;

export interface EnvelopeFlags {
  readonly binary: boolean;
  /** One instance may hear it twice: sent on several channels, or by a client that resends. */
  readonly mayRepeat: boolean;
  readonly volatile: boolean;
  readonly compress: boolean;
}

export interface Envelope extends EnvelopeFlags {
  readonly kind: EnvelopeKind;
  readonly origin: string;
  readonly sequence: number;
  /** Empty: whom the channel stands for. */
  readonly target: Buffer;
  readonly payload: Buffer;
  /** Of a live message that has positions; undefined for all that is of version 1. */
  readonly live?: LiveHeader | undefined;
}

/** The part of a live message that says where it stands among those of its sender. */
export interface LiveHeader {
  /** How long before it left it was sent; 0 when it left at once. */
  readonly ageMs: number;
  /**
   * Whether the positions are its own. Otherwise they are those of the newest messages before it,
   * and its sender does not have it any more.
   */
  readonly isListed: boolean;
  /**
   * One for each channel that it goes to; of several, in the order in which the target names the
   * rooms.
   */
  readonly positions: readonly LivePosition[];
}

export function encodeEnvelope(envelope: Envelope): Buffer {
  const { target, payload } = envelope;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + target.length + payload.length);
  const { kind, origin, sequence } = envelope;
  writeHeader(bytes, kind, flagsOf(envelope), origin, sequence, target.length);
  target.copy(bytes, HEADER_BYTES);
  payload.copy(bytes, HEADER_BYTES + target.length);
  return bytes;
}

/** The content of a live broadcast, without its sender and its positions. */
export type LiveContent = Omit<Envelope, 'kind' | 'origin' | 'sequence' | 'live'>;

/** A live broadcast, just sent: its age is 0. @param isListed whether the positions are its own */
export function encodeLive(
  content: LiveContent,
  origin: string,
  sequence: number,
  positions: readonly LivePosition[],
  isListed: boolean,
): Buffer {
  const { target, payload } = content;
  const targetAt = POSITIONS_AT + positions.length * POSITION_BYTES;
  const bytes = Buffer.allocUnsafe(targetAt + target.length + payload.length);
  writeHeader(bytes, EnvelopeKind.broadcast, flagsOf(content), origin, sequence, target.length);
  bytes[0] = LIVE_VERSION;
  bytes[3] = positions.length;
  if (!isListed) bytes[2]! |= UNLISTED;
  bytes.writeUInt32BE(0, AGE_AT);
  encodePositions(bytes, POSITIONS_AT, positions);
  target.copy(bytes, targetAt);
  payload.copy(bytes, targetAt + target.length);
  return bytes;
}

/** Writes into a live broadcast how old it is. */
export function stampAge(bytes: Buffer, ageMs: number): void {
  bytes.writeUInt32BE(Math.min(Math.max(0, Math.round(ageMs)), 0xffff_ffff), AGE_AT);
}

/** A live broadcast for readers of version 1: without its positions. */
export function asVersion1(bytes: Buffer): Buffer {
  const positions = bytes[3]!;
  const older = Buffer.concat([
    bytes.subarray(0, HEADER_BYTES),
    bytes.subarray(POSITIONS_AT + positions * POSITION_BYTES),
  ]);
  older[0] = VERSION;
  // Only this distinguishes copies on several channels.
  if (positions > 1) older[2]! |= MAY_REPEAT;
  older[3] = 0;
  return older;
}

function flagsOf({ binary, mayRepeat, volatile, compress }: EnvelopeFlags): number {
  return (
    (binary ? BINARY : 0) |
    (mayRepeat ? MAY_REPEAT : 0) |
    (volatile ? VOLATILE : 0) |
    (compress ? 0 : UNCOMPRESSED)
  );
}

function writeHeader(
  bytes: Buffer,
  kind: EnvelopeKind,
  flags: number,
  origin: string,
  sequence: number,
  targetLength: number,
): void {
  bytes[0] = VERSION;
  bytes[1] = kind;
  bytes[2] = flags;
  bytes[3] = 0;
  bytes.write(origin, ORIGIN_AT, 'latin1');
  bytes.writeUIntBE(sequence, SEQUENCE_AT, 6);
  bytes.writeUInt32BE(targetLength, TARGET_LENGTH_AT);
}

/** An envelope between instances, with nothing in it for a client: its payload is a parcel. */
export function encodeControl(
  control: Pick<Envelope, 'kind' | 'origin' | 'sequence' | 'payload'> & Partial<Envelope>,
): Buffer {
  return encodeEnvelope({
    binary: true,
    mayRepeat: false,
    volatile: false,
    compress: true,
    target: NOTHING,
    ...control,
  });
}

/** Undefined for anything that is not an envelope of a version and kind that this reader knows. */
export function decodeEnvelope(bytes: Buffer): Envelope | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const kind = bytes[1];
  if (!isKind(kind)) return undefined;
  const flags = bytes[2]!;
  const known = bytes[0] === LIVE_VERSION ? KNOWN_FLAGS | UNLISTED : KNOWN_FLAGS;
  if ((flags & ~known) !== 0) return undefined;
  const targetAt = targetStart(bytes, kind);
  if (targetAt === undefined) return undefined;
  const payloadAt = targetAt + bytes.readUInt32BE(TARGET_LENGTH_AT);
  if (payloadAt > bytes.length) return undefined;
  const binary = (flags & BINARY) !== 0;
  const payload = bytes.subarray(payloadAt);
  // A text frame that is not UTF-8 would make every client that reads it close its connection.
  if (!binary && !isUtf8(payload)) return undefined;
  return {
    kind,
    binary,
    mayRepeat: (flags & MAY_REPEAT) !== 0,
    volatile: (flags & VOLATILE) !== 0,
    compress: (flags & UNCOMPRESSED) === 0,
    origin: bytes.toString('latin1', ORIGIN_AT, SEQUENCE_AT),
    sequence: bytes.readUIntBE(SEQUENCE_AT, 6),
    target: bytes.subarray(targetAt, payloadAt),
    payload,
    live: bytes[0] === LIVE_VERSION ? liveHeader(bytes) : undefined,
  };
}

/** Undefined for another version. */
function targetStart(bytes: Buffer, kind: EnvelopeKind): number | undefined {
  if (bytes[0] === VERSION) return bytes[3] === 0 ? HEADER_BYTES : undefined;
  if (bytes[0] !== LIVE_VERSION || kind !== EnvelopeKind.broadcast) return undefined;
  const targetAt = POSITIONS_AT + bytes[3]! * POSITION_BYTES;
  return targetAt <= bytes.length ? targetAt : undefined;
}

function liveHeader(bytes: Buffer): LiveHeader {
  return {
    ageMs: bytes.readUInt32BE(AGE_AT),
    isListed: (bytes[2]! & UNLISTED) === 0,
    positions: decodePositions(bytes, POSITIONS_AT, bytes[3]!),
  };
}

function isKind(kind: number | undefined): kind is EnvelopeKind {
  return KINDS.has(kind!);
}
