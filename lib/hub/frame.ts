const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/**
 * Up to here header and payload are joined, so that a socket is written once; above, copying costs
 * more than it saves.
 */
const JOIN_UP_TO_BYTES = 16 * 1024;

/** Where a message stands in a history. */
export interface StreamPosition {
  /** The history's name, the same for all of its messages. */
  readonly log: string;
  readonly epoch: string;
  readonly offset: number;
  /** Tells the message before from any other that had its offset. */
  readonly previousTag: string;
  /** The history's owner, in JSON: `{"room":"r"}`. */
  readonly of: string;
}

const EVENT_START = Buffer.from('{"event":');
const OBJECT_END = '}'.charCodeAt(0);

/**
 * One message as every client will read it. Encoded once, shared by all sockets; nobody writes to
 * its bytes.
 */
export class Frame {
  readonly payload: Buffer;
  readonly binary: boolean;
  /** Undefined for a message that has no history. */
  readonly position: StreamPosition | undefined;
  #wire: readonly Buffer[] | undefined;
  #positioned: Frame | undefined;

  constructor(payload: Buffer, binary: boolean, position?: StreamPosition) {
    this.payload = payload;
    this.binary = binary;
    this.position = position;
  }

  static text(text: string): Frame {
    return new Frame(Buffer.from(text, 'utf8'), false);
  }

  /**
   * The unmasked, unfragmented, uncompressed WebSocket frame (RFC 6455, section 5.2), as one buffer
   * or header and payload.
   */
  get wire(): readonly Buffer[] {
    return (this.#wire ??= this.carrying(this.payload, 0));
  }

  /**
   * The frame for clients that want positions: an event with a history has its position,
   * `"position":{"room":…,"epoch":…,"offset":…}`.
   */
  get positioned(): Frame {
    return (this.#positioned ??= this.#withPosition());
  }

  #withPosition(): Frame {
    const { payload, position } = this;
    const isEvent =
      !this.binary &&
      payload.subarray(0, EVENT_START.length).equals(EVENT_START) &&
      payload.at(-1) === OBJECT_END;
    if (!position || !isEvent) return this;
    const { of, epoch, offset } = position;
    const stated = `${of.slice(0, -1)},"epoch":${JSON.stringify(epoch)},"offset":${offset}}`;
    const end = Buffer.from(`,"position":${stated}}`);
    return new Frame(Buffer.concat([payload.subarray(0, -1), end]), false, position);
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
