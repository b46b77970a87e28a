/** Where a live message stands among those that one sender sent to one channel. */
export interface Place {
  /** Names the beginning of the numbering: the sender's count of messages then. A later beginning has a higher one. */
  readonly start: number;
  /** 1, 2, 3… since the beginning. */
  readonly number: number;
  /** How long before it the one before was sent. {@link NO_MESSAGE_BEFORE} for the first. */
  readonly sinceMs: number;
}

export const NO_MESSAGE_BEFORE = 0xffff_ffff;

/** start (6), number (4), since (4); big endian. */
export const PLACE_BYTES = 14;

export function encodePlaces(bytes: Buffer, offset: number, places: readonly Place[]): void {
  let at = offset;
  for (const { start, number, sinceMs } of places) {
    bytes.writeUIntBE(start, at, 6);
    bytes.writeUInt32BE(number, at + 6);
    bytes.writeUInt32BE(sinceMs, at + 10);
    at += PLACE_BYTES;
  }
}

/** The bytes must reach as far. */
export function decodePlaces(bytes: Buffer, offset: number, count: number): Place[] {
  const places: Place[] = [];
  for (let at = offset; places.length < count; at += PLACE_BYTES) {
    places.push({
      start: bytes.readUIntBE(at, 6),
      number: bytes.readUInt32BE(at + 6),
      sinceMs: bytes.readUInt32BE(at + 10),
    });
  }
  return places;
}
