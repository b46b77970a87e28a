/** A few fields and a body of bytes: what requests, answers and announcements carry. */
export interface ControlPayload {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

/** The length of the fields (4, big endian), the fields as JSON, the body to the end. */
export function encodeControlPayload(
  fields: Record<string, unknown>,
  body: Buffer = NOTHING,
): Buffer {
  const head = Buffer.from(JSON.stringify(fields), 'utf8');
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, body]);
}

/** Undefined for bytes that are no parcel. */
export function decodeControlPayload(bytes: Buffer): ControlPayload | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const bodyAt = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (bodyAt > bytes.length) return undefined;
  const fields = parseObject(bytes.toString('utf8', LENGTH_BYTES, bodyAt));
  return fields && { fields, body: bytes.subarray(bodyAt) };
}

/** Undefined for anything but the JSON of an object. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
