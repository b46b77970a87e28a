import { connect, type Socket } from 'node:net';
import { constants, inflateRawSync } from 'node:zlib';

import { CLOSE, clientFrame, FrameReader, type FrameSink, PING, PONG } from './frames.js';
import type { Protocol } from './protocol.js';

/** What all clients of a driver share: whom they tell, and how they speak. */
export interface ClientContext {
  readonly protocol: Protocol;
  readonly path: string;
  readonly deflate: boolean;
  delivered(): void;
  latency(askedAt: number): void;
  lost(reason: string): void;
}

export interface ClientOptions {
  readonly port: number;
  readonly query: string;
  readonly localAddress: string | undefined;
  /** Reads the time in each message. The others only count. */
  readonly sampled: boolean;
}

const END_OF_HEAD = '\r\n\r\n';
const TIME = Buffer.from('"t":');
const FLUSH = Buffer.from([0, 0, 0xff, 0xff]);
const SYNC_FLUSH = constants.Z_SYNC_FLUSH;
const MAX_HEAD_BYTES = 4_096;
/** One for all sockets of the process: what is read is looked at before the next is read. */
const buffer = Buffer.allocUnsafe(256 * 1024);

/** One client: a socket that upgrades, and then counts frames. */
export class Client implements FrameSink {
  /** All of a frame, until the client is ready: what is compressed can be read only whole. */
  peek = Number.POSITIVE_INFINITY;
  /** Called for each message in place of counting it. */
  onMessage: (() => void) | undefined;
  readonly #context: ClientContext;
  readonly #sampled: boolean;
  readonly #reader = new FrameReader(this);
  readonly #socket: Socket;
  readonly #connected: Promise<void>;
  #connectedNow!: () => void;
  #head: string | undefined = '';
  #inflates = false;
  /** Nothing is counted before: it is looked into, also where it is compressed. */
  #isReady = false;
  #said = Buffer.alloc(0);
  #closed = false;

  constructor(context: ClientContext, options: ClientOptions) {
    const { port, localAddress } = options;
    this.#context = context;
    this.#sampled = options.sampled;
    let failed!: (error: Error) => void;
    this.#connected = new Promise((resolve, reject) => {
      this.#connectedNow = resolve;
      failed = reject;
    });
    const onread = { buffer, callback: (size: number) => this.#read(buffer.subarray(0, size)) };
    this.#socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, onread });
    this.#socket.once('connect', () => this.#upgrade(options.query));
    this.#socket.on('error', (error) => {
      failed(error);
      this.#lost(error.message);
    });
    this.#socket.once('close', () => {
      failed(new Error('The server closed the connection.'));
      this.#lost('closed by the server');
    });
  }

  /** Resolves when messages can be sent. */
  connected(): Promise<void> {
    return this.#connected;
  }

  write(frame: Buffer): void {
    this.#socket.write(frame);
  }

  send(event: string, data: unknown): void {
    this.write(clientFrame(this.#context.protocol.encode(event, data)));
  }

  /** Sends, and resolves with the next message, which is not counted. */
  request(event: string, data: unknown): Promise<void> {
    return new Promise((resolve) => {
      this.onMessage = () => {
        this.onMessage = undefined;
        resolve();
      };
      this.send(event, data);
    });
  }

  /** Ends the connection without a word, as a network does. */
  destroy(): void {
    this.#closed = true;
    this.#socket.resetAndDestroy();
  }

  frame(opcode: number, bytes: Buffer, at: number, length: number, compressed: boolean): void {
    if (opcode === PING) {
      this.write(clientFrame(Buffer.from(bytes.subarray(at, at + length)), PONG));
    } else if (opcode === CLOSE) {
      this.#lost(`closed with ${length >= 2 ? bytes.readUInt16BE(at) : 'no code'}`);
    } else if (opcode < CLOSE) {
      this.#payload(bytes, at, length, compressed);
    }
  }

  #payload(bytes: Buffer, at: number, length: number, compressed: boolean): void {
    const { protocol } = this.#context;
    if (compressed && !this.#isReady) {
      const packet = this.#inflate(bytes.subarray(at, at + length));
      return this.#payload(packet, 0, packet.length, false);
    }
    const kind = compressed ? 'message' : protocol.kindOf(bytes, at, length);
    if (kind === 'open') this.write(clientFrame(protocol.onOpen));
    else if (kind === 'ping') this.write(clientFrame(protocol.onPing));
    else if (kind === 'ready') this.#becomeReady();
    else if (kind === 'message') this.#message(bytes, at, length, compressed);
  }

  #becomeReady(): void {
    this.#isReady = true;
    // The time may be anywhere in a payload.
    if (!this.#sampled) this.peek = this.#context.protocol.peek;
    this.#said = Buffer.alloc(0);
    this.#connectedNow();
  }

  /** What was said before is the dictionary of what follows, unless the server forgets it. */
  #inflate(payload: Buffer): Buffer {
    const dictionary = this.#said.length > 0 && !this.#inflates ? this.#said : undefined;
    const packet = inflateRawSync(Buffer.concat([payload, FLUSH]), {
      finishFlush: SYNC_FLUSH,
      ...(dictionary && { dictionary }),
    });
    this.#said = Buffer.concat([this.#said, packet]);
    return packet;
  }

  #message(bytes: Buffer, at: number, length: number, compressed: boolean): void {
    if (this.#sampled) this.#sample(bytes.subarray(at, at + length), compressed);
    if (this.onMessage) this.onMessage();
    else this.#context.delivered();
  }

  #sample(payload: Buffer, compressed: boolean): void {
    if (compressed && !this.#inflates) return;
    const text = compressed
      ? inflateRawSync(Buffer.concat([payload, FLUSH]), { finishFlush: SYNC_FLUSH })
      : payload;
    const at = text.indexOf(TIME);
    if (at >= 0) this.#context.latency(Number.parseFloat(text.toString('latin1', at + 4, at + 24)));
  }

  #upgrade(query: string): void {
    const { protocol, path, deflate } = this.#context;
    const parameters = [protocol.query, query].filter(Boolean).join('&');
    this.#socket.write(
      [
        `GET ${path}${parameters && `?${parameters}`} HTTP/1.1`,
        'Host: localhost',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        // What browsers offer.
        ...(deflate
          ? ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']
          : []),
      ].join('\r\n') + END_OF_HEAD,
    );
  }

  #read(chunk: Buffer): boolean {
    if (this.#head === undefined) this.#reader.read(chunk);
    else this.#readHead(chunk);
    return true;
  }

  #readHead(chunk: Buffer): void {
    this.#head += chunk.toString('latin1');
    const head = this.#head!;
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) {
      if (head.length > MAX_HEAD_BYTES) this.#socket.destroy();
      return;
    }
    if (!head.startsWith('HTTP/1.1 101')) {
      this.#socket.destroy(new Error(`The upgrade was refused: ${head.split('\r\n')[0]}`));
      return;
    }
    this.#head = undefined;
    this.#inflates = head.includes('server_no_context_takeover');
    if (!this.#context.protocol.handshake) this.#becomeReady();
    const rest = Buffer.from(head.slice(end + END_OF_HEAD.length), 'latin1');
    if (rest.length > 0) this.#reader.read(rest);
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.lost(reason);
  }
}
