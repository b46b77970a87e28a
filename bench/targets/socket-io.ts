import { IoAdapter } from '@nestjs/platform-socket.io';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';

import { startNest } from './nest-app.js';
import type { Broadcaster } from './nest-gateway.js';
import { PATH, type ServerSettings, type StartServer } from '../common/target.js';

interface IoServer {
  adapter(factory: unknown): void;
  to(room: string | string[]): { emit(event: string, data: unknown): void };
}

interface IoSocket {
  readonly handshake: { readonly query: Record<string, string | undefined> };
  join(rooms: readonly string[]): Promise<void> | void;
}

const broadcaster: Broadcaster = {
  connected: (_server, client) => {
    const socket = client as IoSocket;
    const { user } = socket.handshake.query;
    if (user !== undefined) void socket.join([user]);
  },
  join: (client, rooms) => (client as IoSocket).join(rooms),
  toRoom: (server, room, said) => (server as IoServer).to(room).emit('said', said),
  toUser: (server, user, said) => (server as IoServer).to(user).emit('said', said),
  toUsers: (server, users, said) => (server as IoServer).to([...users]).emit('said', said),
};

/** The recipe of Nest's documentation: an IoAdapter that gives each server a Redis adapter. */
class RedisIoAdapter extends IoAdapter {
  factory: unknown;

  override createIOServer(port: number, options?: object): unknown {
    const server = super.createIOServer(port, options) as IoServer;
    server.adapter(this.factory);
    return server;
  }
}

async function adapterFactory({ redis, variant }: ServerSettings): Promise<unknown> {
  const publisher = createClient({ socket: redis });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  if (variant === 'streams') return createStreamsAdapter(publisher);
  if (variant === 'sharded') {
    return createShardedAdapter(publisher, subscriber, { subscriptionMode: 'dynamic' });
  }
  return createAdapter(publisher, subscriber);
}

export const start: StartServer = async (settings) => {
  const factory = await adapterFactory(settings);
  return startNest({
    settings,
    broadcaster,
    gateway: {
      path: PATH,
      transports: ['websocket'],
      perMessageDeflate: settings.deflate ?? false,
    },
    prepare: (app) => {
      const adapter = new RedisIoAdapter(app);
      adapter.factory = factory;
      app.useWebSocketAdapter(adapter);
    },
  });
};
