const OPCODE = 0x0f;
export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** What a reader is told of a frame: where its payload is in the bytes, and how long it is. */
export interface FrameSink {
  /**
   * How many bytes of the payload must be there before {@link frame} is called; Infinity for all.
   */
  readonly peek: number;
  frame(opcode: number, bytes: Buffer, at: number, length: number, compressed: boolean): void;
}

/**
 * Walks over the frames that a server sends (unmasked), and skips payloads that nobody looks at.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Of the last frame's payload, bytes yet to come. */
  #skip = 0;
  /** The beginning of a frame of which not enough has come. */
  #kept: Buffer | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Keeps nothing of `chunk` itself. */
  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#kept) {
      bytes = Buffer.concat([this.#kept, chunk]);
      this.#kept = undefined;
    }
    const end = bytes.length;
    let at = Math.min(this.#skip, end);
    this.#skip -= at;
    while (at < end) {
      const left = end - at;
      const header = left < 2 ? 2 : headerLength(bytes[at + 1]!);
      if (left < header) break;
      const length = payloadLength(bytes, at);
      const opcode = bytes[at]! & OPCODE;
      const peek = opcode > TEXT ? length : Math.min(length, this.#sink.peek);
      if (left < header + peek) break;
      this.#sink.frame(opcode, bytes, at + header, length, (bytes[at]! & 0x40) !== 0);
      at += header + length;
    }
    if (at > end) this.#skip = at - end;
    else if (at < end) this.#kept = Buffer.from(bytes.subarray(at));
  }
}

function headerLength(second: number): number {
  const length = second & 0x7f;
  return length === 127 ? 10 : length === 126 ? 4 : 2;
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & 0x7f;
  if (length === 126) return bytes.readUInt16BE(at + 2);
  return length === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : length;
}

/**
 * A client's frame. Masked as it must be, with the mask 0, which costs the server the same and the
 * client nothing.
 */
export function clientFrame(payload: string | Buffer, opcode = TEXT): Buffer {
  const { length } = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(header + 4 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (header === 2 ? length : header === 4 ? 126 : 127);
  if (header === 4) frame.writeUInt16BE(length, 2);
  else if (header === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  if (typeof payload === 'string') frame.write(payload, header + 4);
  else payload.copy(frame, header + 4);
  return frame;
}
