import type { RawData } from 'ws';

/** Of a client's frame. */
export function byteLengthOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}
