/** Where a live message stands among those that one sender sent to one channel. */
export interface LivePosition {
  /**
   * Names the beginning of the numbering: the sender's count of messages then. A later beginning
   * has a higher one.
   */
  readonly start: number;
  /** 1, 2, 3… since the beginning. */
  readonly number: number;
  /** How long before it the one before was sent. {@link NO_MESSAGE_BEFORE} for the first. */
  readonly sinceMs: number;
}

export const NO_MESSAGE_BEFORE = 0xffff_ffff;

/** start (6), number (4), since (4); big endian. */
export const POSITION_BYTES = 14;

export function encodePositions(
  bytes: Buffer,
  offset: number,
  positions: readonly LivePosition[],
): void {
  let at = offset;
  for (const { start, number, sinceMs } of positions) {
    bytes.writeUIntBE(start, at, 6);
    bytes.writeUInt32BE(number, at + 6);
    bytes.writeUInt32BE(sinceMs, at + 10);
    at += POSITION_BYTES;
  }
}

/** The bytes must reach as far. */
export function decodePositions(bytes: Buffer, offset: number, count: number): LivePosition[] {
  const positions: LivePosition[] = [];
  for (let at = offset; positions.length < count; at += POSITION_BYTES) {
    positions.push({
      start: bytes.readUIntBE(at, 6),
      number: bytes.readUInt32BE(at + 6),
      sinceMs: bytes.readUInt32BE(at + 10),
    });
  }
  return positions;
}
