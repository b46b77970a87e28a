import type { Server as HttpServer } from 'node:http';
import { createRequire } from 'node:module';

/** As much as is used of the packages in bench/peers, which are there once they are installed. */
export interface IoServer {
  on(event: 'connection', listener: (socket: { join(room: string): unknown }) => void): void;
  to(room: string): { emit(event: string, data: unknown): void };
}

export interface IoClient {
  on(event: string, listener: (data: never) => void): void;
}

export interface NodeRedis {
  on(event: 'error', listener: (error: Error) => void): void;
  connect(): Promise<unknown>;
  duplicate(): NodeRedis;
}

interface Packages {
  readonly 'socket.io': {
    Server: new (server: HttpServer, options: { adapter: unknown }) => IoServer;
  };
  readonly 'socket.io-client': {
    io(url: string, options: { transports: string[] }): IoClient;
  };
  readonly '@socket.io/redis-adapter': {
    createAdapter(publisher: NodeRedis, subscriber: NodeRedis): unknown;
  };
  readonly '@socket.io/redis-streams-adapter': { createAdapter(client: NodeRedis): unknown };
  readonly redis: {
    createClient(options: { socket: { host: string; port: number } }): NodeRedis;
  };
}

const require = createRequire(new URL('../../../bench/peers/package.json', import.meta.url));

export function peer<Name extends keyof Packages>(name: Name): Packages[Name] {
  return require(name) as Packages[Name];
}
