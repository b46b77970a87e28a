import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { once } from 'node:events';

/** Nobody forgets it closed for longer. */
const LONGEST_PAUSE_MS = 30_000;

/**
 * What the workers take for Redis: it can be paused, as a Redis that is frozen. Connections stay
 * open, and nothing passes.
 */
export class RedisGate {
  static async open(redisUrl: string, onChange: (paused: boolean) => void): Promise<RedisGate> {
    const { hostname, port } = new URL(redisUrl);
    const gate = new RedisGate({ host: hostname, port: Number(port) }, onChange);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #paused = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly target: { host: string; port: number },
    private readonly onChange: (paused: boolean) => void,
  ) {
    this.#server = createServer((client) => this.#join(client));
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** For half a minute at most. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
    this.#timer = setTimeout(() => this.resume(), LONGEST_PAUSE_MS);
    this.onChange(true);
  }

  resume(): void {
    clearTimeout(this.#timer);
    if (!this.#paused) return;
    this.#paused = false;
    for (const socket of this.#sockets) socket.resume();
    this.onChange(false);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const redis = connect(this.target);
    this.#pass(client, redis);
    this.#pass(redis, client);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (data) => to.write(data));
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#paused) from.pause();
  }
}
