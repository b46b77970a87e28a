import { describe, expect, it } from '@jest/globals';
import type {
  Audience,
  Backplane,
  BackplaneHub,
  BackplaneServer,
  BackplaneSocket,
} from 'nestjs-redis-backplane';

/*
 * Nothing of this runs: the type checker reads it. Each line under a `@ts-expect-error` must be an error, and is reported as
 * unused, so failing `npm run typecheck`, if it is none.
 */

interface ServerEvents {
  said: string;
  moved: { x: number; y: number };
  pinged: undefined;
  maybe: number | undefined;
}

interface Session {
  id: string;
  roles: string[];
}

/** Whatever has the verbs of an audience. */
function audiences(
  server: BackplaneServer<ServerEvents>,
  client: BackplaneSocket<ServerEvents, Session>,
  backplane: Backplane<ServerEvents>,
): Pick<Audience<ServerEvents>, 'emit'>[] {
  const hub: BackplaneHub<ServerEvents> = backplane.hub<ServerEvents>('/chat');
  return [server, server.to('r').except('s'), client, client.broadcast, backplane, hub, hub.local];
}

function events(
  server: BackplaneServer<ServerEvents>,
  client: BackplaneSocket<ServerEvents, Session>,
  backplane: Backplane<ServerEvents>,
): void {
  for (const audience of audiences(server, client, backplane)) {
    audience.emit('said', 'text');
    audience.emit('moved', { x: 1, y: 2 });
    audience.emit('pinged');
    audience.emit('maybe');
    audience.emit('maybe', 1);
    // @ts-expect-error: not in the map
    audience.emit('unsaid', 'text');
    // @ts-expect-error: other data
    audience.emit('said', 1);
    // @ts-expect-error: the data is missing
    audience.emit('said');
    // @ts-expect-error: half of the data
    audience.emit('moved', { x: 1 });
    // @ts-expect-error: data where there is none
    audience.emit('pinged', 1);
    // @ts-expect-error: more than an event and its data
    audience.emit('said', 'text', 'more');
  }
  void server.to('r').publish('said', 'text');
  // @ts-expect-error: other data
  void server.to('r').publish('said', 1);
  // @ts-expect-error: not in the map
  void client.to('r').volatile.publish('unsaid');
  // @ts-expect-error: a room is a string
  server.to(7);
  // @ts-expect-error: raw is text or bytes
  server.send({ event: 'said' });
}

function users(
  client: BackplaneSocket<ServerEvents, Session>,
  plain: BackplaneSocket,
): string[] | undefined {
  // @ts-expect-error: there may be none
  void client.user.roles;
  // @ts-expect-error: only an id is known
  void plain.user?.roles;
  const roles = client.user?.roles.concat(plain.user?.id ?? []);
  // @ts-expect-error: it is decided at the upgrade
  client.user = undefined;
  return roles;
}

function untyped(server: BackplaneServer, client: BackplaneSocket, all: Backplane): void {
  server.emit('anything', { at: ['all'] });
  server.to('r').emit('anything');
  client.emit('anything', 1);
  all.hub('/chat').emit('anything', undefined);
  // @ts-expect-error: an event is a string
  server.emit(7);
}

describe('the types', () => {
  it('are held against this file by the type checker', () => {
    expect([events, users, untyped].map((uses) => typeof uses)).toEqual(
      Array.from({ length: 3 }, () => 'function'),
    );
  });
});
