import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * A network that brings clients only so many bytes at a time of what the server sends, until it is
 * told to be quick.
 */
export class SlowNetwork {
  static async start(targetPort: number, bytes: number, everyMs: number): Promise<SlowNetwork> {
    const network = new SlowNetwork(targetPort, bytes, everyMs);
    await new Promise<void>((resolve) => network.#listener.listen(0, '127.0.0.1', resolve));
    return network;
  }

  readonly #listener: Server;
  readonly #timer: NodeJS.Timeout;
  readonly #lines: { client: Socket; server: Socket }[] = [];

  private constructor(targetPort: number, bytes: number, everyMs: number) {
    this.#listener = createServer((client) => {
      const server = connect(targetPort, '127.0.0.1');
      for (const socket of [client, server]) socket.on('error', () => {});
      client.pipe(server);
      server.on('close', () => client.destroy());
      this.#lines.push({ client, server });
    });
    this.#timer = setInterval(() => {
      for (const { client, server } of this.#lines) {
        const chunk = (server.read(bytes) ?? server.read()) as Buffer | null;
        if (chunk) client.write(chunk);
      }
    }, everyMs);
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  beQuick(): void {
    clearInterval(this.#timer);
    for (const { client, server } of this.#lines) server.pipe(client);
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#listener.close();
    for (const { client, server } of this.#lines) {
      client.destroy();
      server.destroy();
    }
  }
}
