import {
  type BackplaneServer,
  type BackplaneSocket,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';

import { startNest } from './nest-app.js';
import type { Broadcaster } from './nest-gateway.js';
import { HISTORY, PATH, type ServerSettings, type StartServer, userOf } from '../common/target.js';

const broadcaster: Broadcaster = {
  connected: () => {},
  join: (client, rooms) => (client as BackplaneSocket).join(...rooms),
  toRoom: (server, room, said) => (server as BackplaneServer).to(room).emit('said', said),
  toUser: (server, user, said) => (server as BackplaneServer).toUser(user).emit('said', said),
  toUsers: (server, users, said) => (server as BackplaneServer).toUser(users).emit('said', said),
};

export const start: StartServer = (settings) =>
  startNest({
    settings,
    broadcaster,
    gateway: { path: PATH },
    imports: [RedisBackplaneModule.forRoot(options(settings))],
  });

function options({
  redis,
  deflate = false,
  coalesceMs,
  history,
}: ServerSettings): RedisBackplaneOptions {
  const given: RedisBackplaneOptions = {
    redis: { ...redis },
    perMessageDeflate: deflate,
    // One client joins thousands in the scenarios of rooms, as it may with the others.
    limits: { rooms: false },
    authenticate: (request) => {
      const id = userOf(request.url);
      return id === undefined ? null : { id };
    },
  };
  if (coalesceMs !== undefined) given.coalesceMs = coalesceMs;
  if (history) given.history = [{ rooms: '*', ...HISTORY }];
  return given;
}
