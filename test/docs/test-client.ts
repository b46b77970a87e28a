import { once } from 'node:events';
import { WebSocket } from 'ws';

type Frame = { event?: string; data?: unknown; id?: number; error?: unknown };

/** Keeps what arrives until it is asked for: no frame is lost between two lines of a test. */
export class TestClient {
  private readonly frames: Frame[] = [];
  private readonly waiting = new Set<() => void>();
  private lastId = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as Frame);
      for (const look of this.waiting) look();
    });
  }

  static async connect(url: string): Promise<TestClient> {
    const socket = new WebSocket(url);
    const client = new TestClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** The data of the next event of that name. */
  async next(event: string): Promise<unknown> {
    return (await this.take((frame) => frame.event === event)).data;
  }

  /** Sends an event with an id, and waits for the answer to it. */
  async ask(event: string, data: unknown): Promise<unknown> {
    const id = ++this.lastId;
    this.socket.send(JSON.stringify({ event, data, id }));
    const answer = await this.take((frame) => frame.id === id && frame.event === undefined);
    if (answer.error) throw new Error(JSON.stringify(answer.error));
    return answer.data;
  }

  async close(): Promise<void> {
    this.socket.close();
    if (this.socket.readyState !== WebSocket.CLOSED) await once(this.socket, 'close');
  }

  private take(matches: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => {
      const look = (): void => {
        const index = this.frames.findIndex(matches);
        if (index < 0) return;
        this.waiting.delete(look);
        resolve(this.frames.splice(index, 1)[0]!);
      };
      this.waiting.add(look);
      look();
    });
  }
}
