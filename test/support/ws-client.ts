import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { DEFAULT_DEADLINE_MS, withDeadline } from './deadline.js';

/**
 * A frame as it is asserted on: the JSON value of a text frame, the string of a text frame that
 * is no JSON, the Buffer of a binary frame.
 */
export type Frame = unknown;

export interface WsClientOptions extends ClientOptions {
  protocols?: string | string[];
  /** The deadline of every wait of this client. */
  deadlineMs?: number;
}

export interface CloseInfo {
  code: number;
  reason: string;
}

/** The server answered the upgrade with plain HTTP. */
export class UpgradeRefusedError extends Error {
  override readonly name = 'UpgradeRefusedError';

  constructor(
    readonly statusCode: number,
    readonly headers: IncomingHttpHeaders,
    readonly body: string,
  ) {
    super(`The upgrade was answered with ${statusCode}: ${body}`);
  }
}

/** The answer to a request was a failure; `error` is what the server sent. */
export class RequestFailedError extends Error {
  override readonly name = 'RequestFailedError';

  constructor(readonly error: unknown) {
    super(`The server answered with a failure: ${JSON.stringify(error)}`);
  }
}

interface Waiter {
  matches(frame: Frame): boolean;
  resolve(frame: Frame): void;
}

let lastId = 0;

/**
 * A client on a real socket that loses no frame: what arrives waits in a queue, from the very first
 * frame on, until it is asked for. No wait lasts longer than the deadline, and its error says
 * what had arrived instead.
 */
export class WsClient {
  /** Connects; resolves when open. Rejects with {@link UpgradeRefusedError} on an HTTP answer. */
  static async connect(url: string, options: WsClientOptions = {}): Promise<WsClient> {
    const { protocols, deadlineMs = DEFAULT_DEADLINE_MS, ...rest } = options;
    const socket = new WebSocket(url, protocols ?? [], rest);
    const client = new WsClient(socket, deadlineMs);
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (_request, response) => {
        refusal(response).then(reject, reject);
      });
    });
    try {
      await withDeadline(opened, `${url} to open`, deadlineMs);
    } catch (error) {
      socket.terminate();
      throw error;
    }
    return client;
  }

  /** Every frame so far, also those already asked for. */
  readonly received: Frame[] = [];
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<CloseInfo>;
  /** How the connection ended; undefined while it has not. */
  closeInfo: CloseInfo | undefined;

  private readonly queue: Frame[] = [];
  private readonly waiters = new Set<Waiter>();

  private constructor(
    readonly socket: WebSocket,
    /** How long each wait may take; it can be changed. */
    public deadlineMs: number,
  ) {
    socket.on('message', (data: Buffer, isBinary: boolean) => this.receive(data, isBinary));
    socket.on('error', () => {}); // ends in 'close'; what failed is asserted there
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.closeInfo = { code, reason: reason.toString() };
        resolve(this.closeInfo);
      });
    });
  }

  /** The oldest frame not asked for yet. */
  async next(): Promise<Frame> {
    return this.take('a frame', () => true);
  }

  /** The oldest `count` frames not asked for yet, in order. */
  async frames(count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) {
      frames.push(await this.take(`frame ${frames.length + 1} of ${count}`, () => true));
    }
    return frames;
  }

  /** The data of the oldest message of that event not asked for yet; others stay in the queue. */
  async nextEvent<T = unknown>(event: string): Promise<T> {
    const frame = await this.take(`the event "${event}"`, (f) => field(f, 'event') === event);
    return field(frame, 'data') as T;
  }

  /** The oldest frame not asked for yet that matches; others stay in the queue. */
  async take(what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    const index = this.queue.findIndex(matches);
    if (index >= 0) return this.queue.splice(index, 1)[0];
    let waiter!: Waiter;
    const arrived = new Promise<Frame>((resolve, reject) => {
      waiter = { matches, resolve };
      this.waiters.add(waiter);
      void this.closed.then(({ code, reason }) => {
        reject(
          new Error(`Closed (${code} "${reason}") before ${what}; ${this.describeReceived()}`),
        );
      });
    });
    try {
      return await withDeadline(
        arrived,
        () => `${what}; ${this.describeReceived()}`,
        this.deadlineMs,
      );
    } finally {
      this.waiters.delete(waiter);
    }
  }

  /** Sends a raw frame: text for a string, binary for bytes. */
  send(raw: string | Buffer): void {
    this.socket.send(raw);
  }

  /** Sends `{ event, data, id }`, without what is undefined. */
  sendEvent(event: string, data?: unknown, id?: unknown): void {
    this.send(JSON.stringify({ event, data, id }));
  }

  /**
   * Sends an event with an id of its own; resolves with the data of the answer to it, rejects
   * with {@link RequestFailedError} if that is a failure.
   */
  async request<T = unknown>(event: string, data?: unknown): Promise<T> {
    const id = ++lastId;
    const answer = this.take(
      `the answer ${id} to "${event}"`,
      (frame) => field(frame, 'id') === id && field(frame, 'event') === undefined,
    );
    this.sendEvent(event, data, id);
    const frame = await answer;
    const error = field(frame, 'error');
    if (error !== undefined) throw new RequestFailedError(error);
    return field(frame, 'data') as T;
  }

  /**
   * Takes what had arrived and was not asked for yet. The barrier is what makes that exact: it
   * must cause one frame with the token in it, behind everything that counts as earlier.
   *
   * @example
   * expect(await client.settle()).toEqual([]); // the gateway echoes the event 'echo'
   * expect(await client.settle((token) => server.emit('mark', token))).toEqual([]);
   */
  async settle(
    barrier: (token: string) => unknown = (token) => this.sendEvent('echo', token),
  ): Promise<Frame[]> {
    const token = `settled-${++lastId}`;
    const arrival = this.take('the barrier', (frame) => JSON.stringify(frame)?.includes(token));
    await Promise.all([barrier(token), arrival]);
    return this.queue.splice(0);
  }

  /** Says goodbye; resolves when the connection is gone. Idempotent. */
  async close(code = 1000, reason = ''): Promise<CloseInfo> {
    this.socket.close(code, reason);
    return this.awaitClose();
  }

  /** Resolves when the connection is gone, with a deadline unlike `closed`. */
  async awaitClose(): Promise<CloseInfo> {
    return withDeadline(
      this.closed,
      () => `the connection to close; ${this.describeReceived()}`,
      this.deadlineMs,
    );
  }

  /** OutcomeCallbacks the connection without a closing handshake. */
  async terminate(): Promise<CloseInfo> {
    this.socket.terminate();
    return this.awaitClose();
  }

  /** {@link terminate}, under the name that `closeAfterEach` calls. */
  async dispose(): Promise<void> {
    await this.terminate();
  }

  private receive(data: Buffer, isBinary: boolean): void {
    const frame = isBinary ? data : parse(data.toString());
    this.received.push(frame);
    for (const waiter of this.waiters) {
      if (!waiter.matches(frame)) continue;
      this.waiters.delete(waiter);
      waiter.resolve(frame);
      return;
    }
    this.queue.push(frame);
  }

  private describeReceived(): string {
    const shown = this.received
      .slice(-10)
      .map((frame) => (JSON.stringify(frame) ?? '').slice(0, 200));
    return `received ${this.received.length} frames, the last of them [${shown.join(', ')}]`;
  }
}

function parse(text: string): Frame {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function field(frame: Frame, name: string): unknown {
  return typeof frame === 'object' && frame !== null && !Buffer.isBuffer(frame)
    ? (frame as Record<string, unknown>)[name]
    : undefined;
}

async function refusal(response: IncomingMessage): Promise<UpgradeRefusedError> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return new UpgradeRefusedError(response.statusCode ?? 0, response.headers, body);
}
