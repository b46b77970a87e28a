import { once } from 'node:events';
import { WebSocket } from 'ws';
import { markOfBinary, markOfText } from '../../smoke/smoke.protocol.js';
import type { SmokeCommand, SmokeEvents, SmokeWelcome } from '../../smoke/smoke.protocol.js';

interface Frame {
  event?: string;
  data?: unknown;
  id?: number;
  error?: { message?: string };
}

interface Waiting {
  isOver: () => boolean;
  resolve: () => void;
}

/** A client that writes down what it gets. */
export class SmokeClient {
  readonly marks: string[] = [];
  readonly unreadable: string[] = [];
  #welcome: SmokeWelcome | undefined;
  #closed: string | undefined;
  #lastId = 0;
  readonly #answers = new Map<number, Frame>();
  readonly #barriers = new Map<number, Set<string>>();
  readonly #waiting = new Set<Waiting>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary)
        this.#note(markOfBinary(data), `${data.length} bytes that are not what was sent`);
      else this.#read(data.toString());
      this.#wake();
    });
    socket.on('error', (error) => {
      this.#closed ??= error.message;
    });
    socket.on('close', (code) => {
      this.#closed ??= `code ${code}`;
      this.#wake();
    });
  }

  /** Resolves when the worker that got the connection has said who it is. */
  static async open(url: string, signal: AbortSignal): Promise<SmokeClient> {
    const client = new SmokeClient(new WebSocket(url));
    try {
      await client.#until('a welcome', () => client.#welcome !== undefined, signal);
      return client;
    } catch (error) {
      client.socket.terminate();
      throw error;
    }
  }

  get welcome(): SmokeWelcome {
    return this.#welcome!;
  }

  async join(rooms: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#request('join', rooms, signal);
  }

  async run(command: SmokeCommand, signal: AbortSignal): Promise<void> {
    await this.#request('run', command, signal);
  }

  /** The marks that its worker finds in the history of the room. */
  async read(room: string, signal: AbortSignal): Promise<string[]> {
    return (await this.#request('read', room, signal)) as string[];
  }

  async raiseBarrier(number: number, signal: AbortSignal): Promise<void> {
    await this.#request('barrier', number, signal);
  }

  /** Resolves when the barrier of this number has come from each of the instances. */
  async passBarrier(
    number: number,
    instances: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const missing = () => instances.filter((name) => !this.#barriers.get(number)?.has(name));
    await this.#until(
      () => `barrier ${number} from ${missing().join(', ')}`,
      () => missing().length === 0,
      signal,
    );
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.terminate();
    await closed;
  }

  async #request(event: string, data: unknown, signal: AbortSignal): Promise<unknown> {
    const id = ++this.#lastId;
    this.socket.send(JSON.stringify({ event, data, id }));
    await this.#until(`the answer to "${event}"`, () => this.#answers.has(id), signal);
    const answer = this.#answers.get(id)!;
    this.#answers.delete(id);
    if (answer.error) {
      throw new Error(`"${event}" was refused: ${answer.error.message ?? 'no reason given'}`);
    }
    return answer.data;
  }

  #read(text: string): void {
    const mark = markOfText(text);
    if (mark !== undefined) return this.#note(mark, text);
    const frame = parse(text);
    if (frame?.event === undefined && typeof frame?.id === 'number') {
      this.#answers.set(frame.id, frame);
    } else if (frame?.event === 'welcome') {
      this.#welcome = frame.data as SmokeEvents['welcome'];
    } else if (frame?.event === 'mark') {
      this.#note((frame.data as SmokeEvents['mark']).mark, text);
    } else if (frame?.event === 'barrier') {
      const { number, instance } = frame.data as SmokeEvents['barrier'];
      const heard = this.#barriers.get(number) ?? new Set();
      this.#barriers.set(number, heard.add(instance));
    } else {
      this.#note(undefined, text.slice(0, 200));
    }
  }

  #note(mark: string | undefined, otherwise: string): void {
    if (mark === undefined) this.unreadable.push(otherwise);
    else this.marks.push(mark);
  }

  #until(what: string | (() => string), isOver: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (failure?: string) => {
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiting);
        if (failure === undefined) return resolve();
        const name = typeof what === 'string' ? what : what();
        reject(new Error(`waited for ${name}: ${failure}`));
      };
      const onAbort = () => settle('it did not come in time');
      const waiting: Waiting = {
        isOver: () => isOver() || this.#closed !== undefined,
        resolve: () => settle(isOver() ? undefined : `the connection was closed (${this.#closed})`),
      };
      if (waiting.isOver()) return waiting.resolve();
      if (signal.aborted) return onAbort();
      this.#waiting.add(waiting);
      signal.addEventListener('abort', onAbort);
    });
  }

  #wake(): void {
    for (const waiting of this.#waiting) {
      if (waiting.isOver()) waiting.resolve();
    }
  }
}

function parse(text: string): Frame | undefined {
  try {
    return JSON.parse(text) as Frame;
  } catch {
    return undefined;
  }
}
