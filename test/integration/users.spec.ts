import { describe, expect, it } from '@jest/globals';
import {
  ForbiddenException,
  HttpException,
  Injectable,
  type Provider,
  UnauthorizedException,
} from '@nestjs/common';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { BACKPLANE_AUTHENTICATOR, type RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { WebSocket } from 'ws';
import { closeAfterEach } from '../support/cleanup.js';
import { Gate } from '../support/gate.js';
import { LogCapture } from '../support/log-capture.js';
import { HTTP_KINDS, type HttpKind } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { UpgradeRefusedError, WsClient } from '../support/ws-client.js';
import { describeOnRedis, uniqueKey } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { arrivals, Instance, userOfQuery } from './fixtures/instance.js';

describe.each(HTTP_KINDS)('Authentication at the upgrade, on %s,', (http: HttpKind) => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (
    options: RedisBackplaneOptions,
    providers: Provider[] = [],
  ): Promise<Instance> => {
    const log = new LogCapture();
    const where = { redis: 'memory', eventKeys: [uniqueKey()] };
    return track(
      await Instance.boot({ http, log, providers, backplane: { ...where, ...options } }),
    );
  };

  const refusalOf = async (instance: Instance): Promise<UpgradeRefusedError> => {
    const refusal = await WsClient.connect(instance.booted.url('/chat')).then(track, (e) => e);
    expect(refusal).toBeInstanceOf(UpgradeRefusedError);
    return refusal as UpgradeRefusedError;
  };

  it('asks the option with the request, and hands the user on as it came', async () => {
    const user = { id: 'ann', roles: ['admin'] };
    const asked: (string | undefined)[] = [];
    const instance = await boot({
      authenticate: async (request) => {
        asked.push(request.url);
        return user;
      },
    });
    const peer = track(await instance.connect({ user: 'x' }));
    expect(peer.socket.user).toBe(user);
    expect(peer.socket.userId).toBe('ann');
    expect(asked).toEqual(['/chat?user=x']);
  });

  it('asks a provider, be it a function or an object with its dependencies', async () => {
    const ask = (request: IncomingMessage) => ({ id: `f ${request.headers.host}` });
    const ofFunction = await boot({ authenticate: undefined }, [
      { provide: BACKPLANE_AUTHENTICATOR, useValue: ask },
    ]);
    const one = track(await ofFunction.connect());
    expect(one.socket.user).toEqual({ id: `f 127.0.0.1:${ofFunction.booted.port}` });

    const ofClass = await boot({ authenticate: undefined }, [
      Sessions,
      { provide: BACKPLANE_AUTHENTICATOR, useClass: SessionAuthenticator },
    ]);
    const other = track(await ofClass.connect());
    expect(other.socket.user).toEqual({ id: 'of the session' });
  });

  it('prefers the option to the provider', async () => {
    const instance = await boot({ authenticate: () => ({ id: 'option' }) }, [
      { provide: BACKPLANE_AUTHENTICATOR, useValue: () => ({ id: 'provider' }) },
    ]);
    expect(track(await instance.connect()).socket.user).toEqual({ id: 'option' });
  });

  it('refuses to boot with a provider that is no authenticator', async () => {
    await expect(
      boot({ authenticate: undefined }, [
        { provide: BACKPLANE_AUTHENTICATOR, useValue: { check: () => null } },
      ]),
    ).rejects.toThrow(/BACKPLANE_AUTHENTICATOR is neither a function nor .* "authenticate"/);
  });

  it('lets nobody in as nobody, unless told otherwise', async () => {
    for (const authenticate of [() => null, async () => null]) {
      const open = await boot({ authenticate });
      expect(track(await open.connect()).socket.user).toBeUndefined();
      const closed = await boot({ authenticate, allowAnonymous: false });
      expect(await refusalOf(closed)).toMatchObject({ statusCode: 401, body: 'Unauthorized' });
      for (const { booted } of [open, closed]) expect(booted.log.matching('undefined')).toEqual([]);
    }
    const unasked = await boot({ authenticate: undefined, allowAnonymous: false });
    expect(await refusalOf(unasked)).toMatchObject({ statusCode: 401, body: 'Unauthorized' });
  });

  it.each<[string, () => unknown]>([
    ['a function that forgot to return', () => {}],
    ['an async one', async () => {}],
    ['a look-up that found nothing', () => new Map().get('ann')],
  ])('takes undefined for nobody never: %s', async (_, authenticate) => {
    for (const allowAnonymous of [true, false]) {
      const instance = await boot({ authenticate: authenticate as () => null, allowAnonymous });
      for (let i = 0; i < 3; i++)
        expect(await refusalOf(instance)).toMatchObject({ statusCode: 401, body: 'Unauthorized' });
      const logged = instance.booted.log.matching('The authenticator returned undefined');
      expect(logged).toHaveLength(1);
      expect(logged[0]).toMatch(/Return the user, or null for nobody/);
      expect(instance.server.clients.size).toBe(0);
    }
  });

  class SessionOver extends UnauthorizedException {}

  it.each<[string, unknown, number, string]>([
    ['an UnauthorizedException', new UnauthorizedException('secret'), 401, 'Unauthorized'],
    ['one of its kind', new SessionOver('secret'), 401, 'Unauthorized'],
    ['a ForbiddenException', new ForbiddenException('secret'), 403, 'Forbidden'],
    ['another exception', new HttpException('secret', 418), 500, 'Internal Server Error'],
    ['an error', new Error('secret'), 500, 'Internal Server Error'],
    ['no error at all', 'secret', 500, 'Internal Server Error'],
    ['undefined', undefined, 500, 'Internal Server Error'],
  ])('refuses for %s that is thrown', async (_, error, statusCode, body) => {
    for (const authenticate of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      const instance = await boot({ authenticate });
      const refusal = await refusalOf(instance);
      expect(refusal).toMatchObject({ statusCode, body });
      expect(refusal.headers).toMatchObject({
        connection: 'close',
        'content-type': 'text/plain; charset=utf-8',
        'content-length': String(body.length),
      });
      const logged = instance.booted.log.matching('authenticator failed');
      expect(logged).toHaveLength(statusCode === 500 ? 1 : 0);
    }
  });

  it.each<[string, unknown]>([
    ['without an id', { name: 'ann' }],
    ['with an id that is a number', { id: 7 }],
    ['with an empty id', { id: '' }],
    ['with an id that is too long', { id: 'x'.repeat(256) }],
    ['that is a string', 'ann'],
    ['that is true', true],
  ])('refuses a user %s, and tells the log why', async (_, user) => {
    const instance = await boot({ authenticate: () => user as { id: string } });
    expect(await refusalOf(instance)).toMatchObject({ statusCode: 500 });
    expect(instance.booted.log.matching('user id')).toHaveLength(1);
  });

  it('refuses for now when the authenticator takes too long, and forgets its late answer', async () => {
    const gate = new Gate<{ id: string }>();
    const instance = await boot({ authenticate: () => gate.opened, authenticateTimeoutMs: 30 });
    const refusal = await refusalOf(instance);
    expect(refusal).toMatchObject({ statusCode: 503, body: 'Service Unavailable' });
    expect(refusal.headers['retry-after']).toMatch(/^\d+$/);
    gate.fail(new Error('late'));
    expect(instance.server.clients.size).toBe(0);
  });

  it.each<[string, (gone: WebSocket, request: ClientRequest) => unknown]>([
    ['a reset, which is seen at once', (_, request) => request.socket!.resetAndDestroy()],
    ['an end, which is seen by who reads', (gone) => gone.terminate()],
  ])('forgets who hangs up while it is asked, with %s', async (how, hangUp) => {
    const gates = [new Gate<{ id: string }>(), new Gate<{ id: string }>()];
    const asked: IncomingMessage[] = [];
    const instance = await boot({
      authenticate: (request) => gates[asked.push(request) - 1]!.opened,
      authenticateTimeoutMs: 60_000,
    });
    const subscriptions = () => instance.backplane.stats().subscriptions;
    const before = subscriptions();
    let sent!: ClientRequest;
    const gone = new WebSocket(instance.booted.url('/chat'), {
      finishRequest: (request) => (sent = request).end(),
    });
    gone.on('error', () => {});
    await waitFor('the question', () => asked.length === 1);
    hangUp(gone, sent);
    if (how.startsWith('a reset'))
      await waitFor('the server to see it', () => asked[0]!.socket.destroyed);
    gates[0]!.open({ id: 'gone' });
    gates[1]!.open({ id: 'here' });
    // Meanwhile the other has got as far as it can.
    const peer = track(await instance.connect());
    await waitFor('one client', () => instance.server.clients.size === 1);
    expect([...instance.server.clients]).toEqual([peer.socket]);
    await waitFor('the channel of one user', () => subscriptions() === before + 1);
    await peer.ws.close();
    await waitFor('the channel of nobody', () => subscriptions() === before);
  });
});

@Injectable()
class Sessions {
  find() {
    return { id: 'of the session' };
  }
}

@Injectable()
class SessionAuthenticator {
  constructor(private readonly sessions: Sessions) {}

  async authenticate(_request: IncomingMessage) {
    return this.sessions.find();
  }
}

describeOnRedis('The channel of a user', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it('lives exactly as long as the user has a connection here', async () => {
    const cluster = track(await Cluster.boot(redis, 2));
    const [key] = cluster.where.eventKeys;
    const ofUsers = async () =>
      (await redis.channels(key!)).filter((channel) => channel.includes('}:user:'));
    expect(await ofUsers()).toEqual([]);
    const one = track(await cluster.first.connect({ user: 'ann' }));
    const channel = `{${key}}:user:/chat:ann`;
    expect(await ofUsers()).toEqual([channel]);
    const two = track(await cluster.first.connect({ user: 'ann' }));
    await one.ws.close();
    await waitFor('the first to be gone', () => cluster.first.server.clients.size === 1);

    cluster.last.server.toUser('ann').emit('said', 1);
    expect(await arrivals(cluster.last.server, [two])).toEqual([[{ event: 'said', data: 1 }]]);
    expect(await ofUsers()).toEqual([channel]);
    await two.ws.terminate();
    await waitFor('the channel to go', async () => (await ofUsers()).length === 0);

    const three = track(await cluster.first.connect({ user: 'ann' }));
    cluster.last.server.toUser('ann').emit('said', 2);
    expect(await arrivals(cluster.last.server, [three])).toEqual([[{ event: 'said', data: 2 }]]);
  });

  it('is there before the user is: what is sent as soon as they are connected arrives', async () => {
    const where = redis.options();
    // Far from Redis: what is not waited for comes too late.
    const proxy = track(await TcpProxy.start(redis.server.port));
    const far = track(
      await Instance.boot({
        backplane: {
          ...where,
          redis: `redis://127.0.0.1:${proxy.port}`,
          authenticate: userOfQuery,
        },
      }),
    );
    const near = track(await Instance.boot({ backplane: where }));
    proxy.delay(50);
    for (const user of ['ann', 'bob', 'ann']) {
      const client = track(await WsClient.connect(far.booted.url(`/chat?user=${user}`)));
      near.server.toUser(user).emit('welcome', user);
      expect(await client.nextEvent('welcome')).toBe(user);
      await client.close();
      await waitFor('the server to notice', () => far.server.clients.size === 0);
    }
  });
});
