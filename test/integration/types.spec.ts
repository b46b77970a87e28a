import { describe, expect, it } from '@jest/globals';
import type {
  AnyEvents,
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

/** A server's third parameter is the second of its clients. */
function clients(
  server: BackplaneServer<ServerEvents, AnyEvents, Session>,
  typed: BackplaneServer<ServerEvents>,
  plain: BackplaneServer,
): string[] {
  const roles: string[] = [];
  for (const client of server.clients) {
    roles.push(...(client.user?.roles ?? []), client.user?.id ?? '');
    const session: BackplaneSocket<ServerEvents, Session> = client;
    session.emit('said', 'text');
    // @ts-expect-error: not in the map
    client.emit('unsaid');
    // @ts-expect-error: there may be none
    void client.user.roles;
    // @ts-expect-error: not what the authenticator returns
    void client.user?.rights;
  }
  for (const client of typed.clients) {
    roles.push(client.user?.id ?? '');
    client.emit('said', 'text');
    // @ts-expect-error: only an id is known
    void client.user?.roles;
  }
  for (const client of plain.clients) {
    roles.push(client.user?.id ?? '');
    client.emit('anything', 1);
    // @ts-expect-error: only an id is known
    void client.user?.roles;
  }
  // Whoever asks for less takes it.
  const less: BackplaneServer<ServerEvents> = server;
  // @ts-expect-error: it knows only an id
  const more: BackplaneServer<ServerEvents, AnyEvents, Session> = typed;
  // @ts-expect-error: the adapter alone adds and removes
  server.clients.clear();
  // @ts-expect-error: a user has an id
  const nobody: BackplaneServer<ServerEvents, AnyEvents, { roles: string[] }> = typed;
  return roles.concat([less, more, nobody].map(({ path }) => path));
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
    expect([events, users, clients, untyped].map((uses) => typeof uses)).toEqual(
      Array.from({ length: 4 }, () => 'function'),
    );
  });
});
