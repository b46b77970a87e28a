/**
 * As much as is used of the packages in bench/peers, which are there only once the bench has run.
 */

declare module '@nestjs/platform-socket.io' {
  import type { INestApplicationContext, WebSocketAdapter } from '@nestjs/common';

  export class IoAdapter implements WebSocketAdapter {
    constructor(app: INestApplicationContext);
    createIOServer(port: number, options?: object): unknown;
    create(port: number, options?: object): unknown;
    bindClientConnect(server: unknown, callback: (...args: unknown[]) => void): void;
    bindMessageHandlers: WebSocketAdapter['bindMessageHandlers'];
    close(server: unknown): Promise<void>;
  }
}

declare module '@socket.io/redis-adapter' {
  export function createAdapter(publisher: unknown, subscriber: unknown): unknown;
  export function createShardedAdapter(
    publisher: unknown,
    subscriber: unknown,
    options: { subscriptionMode: 'dynamic' },
  ): unknown;
}

declare module '@socket.io/redis-streams-adapter' {
  export function createAdapter(client: unknown): unknown;
}

declare module 'redis' {
  interface Client {
    connect(): Promise<unknown>;
    duplicate(): Client;
  }
  export function createClient(options: { socket: { host: string; port: number } }): Client;
}
