const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/** Up to here header and payload are joined, so that a socket is written once; above, copying costs more than it saves. */
const JOIN_UP_TO_BYTES = 16 * 1024;

/** One message as every client will read it. Encoded once, shared by all sockets; nobody writes to its bytes. */
export class Frame {
  readonly payload: Buffer;
  readonly binary: boolean;
  #wire: readonly Buffer[] | undefined;

  constructor(payload: Buffer, binary: boolean) {
    this.payload = payload;
    this.binary = binary;
  }

  static text(text: string): Frame {
    return new Frame(Buffer.from(text, 'utf8'), false);
  }

  /** The unmasked, unfragmented, uncompressed WebSocket frame (RFC 6455, section 5.2), as one buffer or header and payload. */
  get wire(): readonly Buffer[] {
    return (this.#wire ??= this.carrying(this.payload, 0));
  }

  /**
   * The same frame with its payload in another form.
   * @param reservedBits what tells the receiver the form: bits of the frame's first byte
   */
  carrying(payload: Buffer, reservedBits: number): readonly Buffer[] {
    const { length } = payload;
    const join = length <= JOIN_UP_TO_BYTES;
    const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const head = Buffer.allocUnsafe(join ? headerLength + length : headerLength);
    head[0] = (this.binary ? FINAL_BINARY : FINAL_TEXT) | reservedBits;
    if (headerLength === 2) {
      head[1] = length;
    } else if (headerLength === 4) {
      head[1] = 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    if (!join) return [head, payload];
    payload.copy(head, headerLength);
    return [head];
  }
}
