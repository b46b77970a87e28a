import { connect, type Socket } from 'node:net';
import { DEFAULT_DEADLINE_MS, withDeadline } from './deadline.js';
import { waitFor } from './wait-for.js';

export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export interface FrameParts {
  opcode: number;
  payload?: Buffer | string;
  /** Default true. */
  fin?: boolean;
  /** The three reserved bits, as 0 to 7. */
  reserved?: number;
  /** Default true, as a client must; the mask is zero, so the payload reads as it is. */
  masked?: boolean;
  /** What the header says, true or not. */
  claimedLength?: number | bigint;
}

/** The bytes of one WebSocket frame, also of those that no library would send. */
export function frameBytes(parts: FrameParts): Buffer {
  const { opcode, fin = true, reserved = 0, masked = true } = parts;
  const payload = Buffer.from(parts.payload ?? '');
  const length = parts.claimedLength ?? payload.length;
  const mask = masked ? 0x80 : 0;
  let header: Buffer;
  if (length < 126) {
    header = Buffer.from([0, mask | Number(length)]);
  } else if (length < 65_536) {
    header = Buffer.from([0, mask | 126, 0, 0]);
    header.writeUInt16BE(Number(length), 2);
  } else {
    header = Buffer.from([0, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  header[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  return Buffer.concat([header, Buffer.alloc(masked ? 4 : 0), payload]);
}

const UPGRADE = [
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

/**
 * A TCP connection that speaks WebSocket by hand, and so may speak it badly: it answers no ping, no
 * close, and nothing else that it is not told to.
 */
export class RawWsClient {
  /** Opens the TCP connection, and sends nothing. */
  static async dial(port: number): Promise<RawWsClient> {
    const client = new RawWsClient(connect(port, '127.0.0.1'));
    await withDeadline(client.connected, 'the TCP connection');
    return client;
  }

  /** Opens a WebSocket; resolves when the server has agreed. */
  static async upgrade(port: number, path = '/', firstBytes: Buffer = Buffer.alloc(0)) {
    const client = await RawWsClient.dial(port);
    const request = [`GET ${path} HTTP/1.1`, ...UPGRADE, '', ''].join('\r\n');
    client.write(Buffer.concat([Buffer.from(request), firstBytes]));
    await waitFor('the upgrade', () => client.text.startsWith('HTTP/1.1 101'));
    return client;
  }

  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** All that the server wrote; an unlimited amount, unless the reading was stopped. */
  received: Buffer = Buffer.alloc(0);

  private readonly connected: Promise<void>;
  private isGone = false;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('error', () => {}); // a reset is one of the ways to be sent away
    socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])));
    this.connected = new Promise((resolve) => socket.once('connect', resolve));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isGone = true;
        resolve();
      });
    });
  }

  /** What the server wrote, byte for character. */
  get text(): string {
    return this.received.toString('latin1');
  }

  get isClosed(): boolean {
    return this.isGone;
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  frame(parts: FrameParts): void {
    this.write(frameBytes(parts));
  }

  /** Reads nothing any more: the server's bytes pile up on the way, then at the server. */
  stopReading(): void {
    this.socket.pause();
  }

  /**
   * The code of the close frame that the server sent last of all; resolves when the connection is
   * gone.
   */
  async closeCode(timeoutMs = DEFAULT_DEADLINE_MS): Promise<number | undefined> {
    await withDeadline(this.closed, 'the server to hang up', timeoutMs);
    return this.lastCloseCode();
  }

  /** The code of the close frame that the server sent, while the connection may be open still. */
  async closeFrame(): Promise<number> {
    return waitFor('a close frame', () => this.lastCloseCode());
  }

  /** Drops the connection with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async dispose(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  /** 1005 for a close frame without a code, as `ws` reports it. */
  private lastCloseCode(): number | undefined {
    for (const { opcode, payload } of this.frames()) {
      if (opcode !== Opcode.close) continue;
      return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    }
    return undefined;
  }

  /** The frames that have arrived whole. */
  private *frames(): Generator<{ opcode: number; payload: Buffer }> {
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    let rest = this.received.subarray(headEnd + 4);
    while (rest.length >= 2) {
      const short = rest[1]! & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < start) return;
      const length =
        start === 2 ? short : start === 4 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < start + length) return;
      yield { opcode: rest[0]! & 0x0f, payload: rest.subarray(start, start + length) };
      rest = rest.subarray(start + length);
    }
  }
}
