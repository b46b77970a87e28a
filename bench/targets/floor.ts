/**
 * The least that Node, `ws` and ioredis let one do: a channel for each room, bytes that are framed
 * once and written to raw sockets, corked for a turn of the event loop. It has no local delivery,
 * no limits and no care: what Redis echoes is written.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';

import { subscribeRaw } from './raw-subscribe.js';
import {
  eachMessage,
  type Echo,
  type Say,
  type ServerSettings,
  type StartServer,
  userOf,
} from '../common/target.js';

interface Client {
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly rooms: Set<string>;
}

type Message =
  | { readonly event: 'join'; readonly data: readonly string[] }
  | { readonly event: 'say'; readonly data: Say }
  | { readonly event: 'ask'; readonly data: Echo };

class Floor {
  readonly #settings: ServerSettings;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #rooms = new Map<string, Set<Client>>();
  readonly #corked = new Set<Duplex>();

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.#publisher = new Redis({ ...settings.redis, enableAutoPipelining: true });
    this.#subscriber = new Redis(settings.redis);
    this.#subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) =>
      this.#deliver(channel.toString(), payload),
    );
  }

  listen(): Promise<number> {
    const wss = new WebSocketServer({
      noServer: true,
      perMessageDeflate: this.#settings.deflate ?? false,
    });
    const server = createServer();
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      wss.handleUpgrade(request, socket, head, (ws) => this.#connect(ws, socket, request));
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  }

  #connect(ws: WebSocket, socket: Duplex, request: IncomingMessage): void {
    if (this.#settings.idleHandlers !== undefined) {
      ws.on('message', () => {});
      return;
    }
    const client: Client = { ws, socket, rooms: new Set() };
    ws.on('message', (data) => void this.#receive(client, data as Buffer));
    ws.on('close', () => this.#leave(client));
    const user = userOf(request.url);
    if (user !== undefined) void this.#join(client, [user]);
  }

  async #receive(client: Client, bytes: Buffer): Promise<void> {
    const message = JSON.parse(bytes.toString()) as Message;
    switch (message.event) {
      case 'join':
        await this.#join(client, message.data);
        return client.ws.send(JSON.stringify({ event: 'joined', data: message.data.length }));
      case 'say':
        return eachMessage(message.data, (room, data) => {
          void this.#publisher.publish(room, JSON.stringify({ event: 'said', data }));
        });
      case 'ask':
        return client.ws.send(JSON.stringify({ event: 'answer', data: message.data }));
    }
  }

  /**
   * Many rooms at once are subscribed to with a socket of their own, without any client library: as
   * fast as Redis takes them.
   */
  async #join(client: Client, rooms: readonly string[]): Promise<void> {
    const opened = rooms.filter((room) => !this.#rooms.has(room));
    for (const room of rooms) {
      client.rooms.add(room);
      const members = this.#rooms.get(room);
      if (members) members.add(client);
      else this.#rooms.set(room, new Set([client]));
    }
    if (opened.length >= 50) await subscribeRaw(this.#settings.redis, opened);
    else if (opened.length > 0) await this.#subscriber.subscribe(...opened);
  }

  #leave(client: Client): void {
    for (const room of client.rooms) {
      const members = this.#rooms.get(room);
      members?.delete(client);
      if (members?.size !== 0) continue;
      this.#rooms.delete(room);
      void this.#subscriber.unsubscribe(room);
    }
  }

  #deliver(room: string, payload: Buffer): void {
    const members = this.#rooms.get(room);
    if (!members) return;
    if (this.#settings.deflate) {
      for (const { ws } of members) ws.send(payload, { binary: false });
      return;
    }
    const frame = frameOf(payload);
    if (this.#corked.size === 0) setImmediate(() => this.#uncork());
    for (const { socket } of members) {
      if (!this.#corked.has(socket)) {
        socket.cork();
        this.#corked.add(socket);
      }
      socket.write(frame);
    }
  }

  #uncork(): void {
    for (const socket of this.#corked) socket.uncork();
    this.#corked.clear();
  }
}

function frameOf(payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [0x81, length]
      : length < 65_536
        ? [0x81, 126, length >> 8, length & 255]
        : undefined;
  if (!head) throw new Error('The bench has no payloads of 64 KiB.');
  return Buffer.concat([Buffer.from(head), payload]);
}

export const start: StartServer = (settings) => new Floor(settings).listen();
