import type { IncomingMessage } from 'node:http';

import { WsAdapter } from '@nestjs/platform-ws';
import { Redis } from 'ioredis';
import type { WebSocket } from 'ws';

import { startNest } from './nest-app.js';
import type { Broadcaster } from './nest-gateway.js';
import {
  PATH,
  type Said,
  type ServerSettings,
  type StartServer,
  userOf,
} from '../common/target.js';

const OPEN = 1;
const CHANNEL = 'broadcasts';

/**
 * Pub/sub as teams write it without a library: one channel, a Map of rooms, and `send` for each
 * client.
 */
class HandWritten implements Broadcaster {
  readonly #publisher: Redis;
  readonly #rooms = new Map<string, Set<WebSocket>>();
  readonly #roomsOf = new Map<WebSocket, Set<string>>();

  static async start({ redis }: ServerSettings): Promise<HandWritten> {
    const subscriber = new Redis(redis);
    const self = new HandWritten(new Redis(redis));
    subscriber.on('message', (_channel: string, text: string) => self.#receive(text));
    await subscriber.subscribe(CHANNEL);
    return self;
  }

  private constructor(publisher: Redis) {
    this.#publisher = publisher;
  }

  connected(_server: unknown, client: WebSocket, request: IncomingMessage): void {
    const user = userOf(request.url);
    if (user !== undefined) this.join(client, [user]);
  }

  disconnected(client: WebSocket): void {
    for (const room of this.#roomsOf.get(client) ?? []) {
      const members = this.#rooms.get(room);
      members?.delete(client);
      if (members?.size === 0) this.#rooms.delete(room);
    }
    this.#roomsOf.delete(client);
  }

  join(client: WebSocket, rooms: readonly string[]): void {
    for (const room of rooms) {
      include(this.#rooms, room, client);
      include(this.#roomsOf, client, room);
    }
  }

  toRoom(_server: unknown, room: string, data: Said): void {
    void this.#publisher.publish(CHANNEL, JSON.stringify({ room, event: 'said', data }));
  }

  toUser(server: unknown, user: string, data: Said): void {
    this.toRoom(server, user, data);
  }

  #receive(text: string): void {
    const { room, event, data } = JSON.parse(text) as { room: string; event: string; data: Said };
    for (const client of this.#rooms.get(room) ?? []) {
      if (client.readyState === OPEN) client.send(JSON.stringify({ event, data }));
    }
  }
}

function include<K, V>(groups: Map<K, Set<V>>, key: K, value: V): void {
  const group = groups.get(key);
  if (group) group.add(value);
  else groups.set(key, new Set([value]));
}

export const start: StartServer = async (settings) =>
  startNest({
    settings,
    broadcaster: await HandWritten.start(settings),
    gateway: { path: PATH, perMessageDeflate: settings.deflate ?? false },
    prepare: (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
  });
