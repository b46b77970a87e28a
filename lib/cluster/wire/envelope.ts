import { isUtf8 } from 'node:buffer';

import { INSTANCE_ID_LENGTH } from '../instances/instance-id.js';

/*
 * The bytes between instances, version 1 (big endian):
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
 * A reader takes its own version and the one before. Nothing here is trusted: a reader checks each length, allocates
 * from none, and answers with undefined for what it does not know.
 */
const VERSION = 1;
const ORIGIN_AT = 4;
const SEQUENCE_AT = ORIGIN_AT + INSTANCE_ID_LENGTH;
const TARGET_LENGTH_AT = SEQUENCE_AT + 6;
const HEADER_BYTES = TARGET_LENGTH_AT + 4;

export const EnvelopeKind = {
  broadcast: 1,
  probe: 2,
  request: 3,
  answer: 4,
  announcement: 5,
  // 6 is an entry of a log: `log-entry.ts`.
  /** Of an asker, for more of an answer. */
  allowance: 7,
} as const;
export type EnvelopeKind = (typeof EnvelopeKind)[keyof typeof EnvelopeKind];

const NOTHING = Buffer.alloc(0);
const KINDS: ReadonlySet<number> = new Set(Object.values(EnvelopeKind));

const BINARY = 1;
const MAY_REPEAT = 2;
const VOLATILE = 4;
const UNCOMPRESSED = 8;
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
}

export function encodeEnvelope(envelope: Envelope): Buffer {
  const { target, payload } = envelope;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + target.length + payload.length);
  bytes[0] = VERSION;
  bytes[1] = envelope.kind;
  bytes[2] =
    (envelope.binary ? BINARY : 0) |
    (envelope.mayRepeat ? MAY_REPEAT : 0) |
    (envelope.volatile ? VOLATILE : 0) |
    (envelope.compress ? 0 : UNCOMPRESSED);
  bytes[3] = 0;
  bytes.write(envelope.origin, ORIGIN_AT, 'latin1');
  bytes.writeUIntBE(envelope.sequence, SEQUENCE_AT, 6);
  bytes.writeUInt32BE(target.length, TARGET_LENGTH_AT);
  target.copy(bytes, HEADER_BYTES);
  payload.copy(bytes, HEADER_BYTES + target.length);
  return bytes;
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
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION || bytes[3] !== 0) return undefined;
  const kind = bytes[1];
  if (!isKind(kind)) return undefined;
  const flags = bytes[2]!;
  if ((flags & ~KNOWN_FLAGS) !== 0) return undefined;
  const payloadAt = HEADER_BYTES + bytes.readUInt32BE(TARGET_LENGTH_AT);
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
    target: bytes.subarray(HEADER_BYTES, payloadAt),
    payload,
  };
}

function isKind(kind: number | undefined): kind is EnvelopeKind {
  return KINDS.has(kind!);
}
