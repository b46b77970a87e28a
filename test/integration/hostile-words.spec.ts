import { expect, it } from '@jest/globals';
import { Catch, UseFilters } from '@nestjs/common';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { BackplaneSocket, type RedisBackplaneModuleOptions } from 'nestjs-redis-backplane';

import { encodeControl, EnvelopeKind } from '../../lib/cluster/wire/envelope.js';
import { encodeControlPayload } from '../../lib/cluster/wire/control-payload.js';
import { encodeTarget } from '../../lib/cluster/wire/target-codec.js';
import { EVERYONE } from '../../lib/hub/target.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { RAW } from '../support/raw-characters.js';
import { waitFor } from '../support/wait-for.js';
import { UpgradeRefusedError, WsClient } from '../support/ws-client.js';
import { DEADLINE_MS, describeOnRedis } from './fixtures/backends.js';
import { Instance } from './fixtures/instance.js';
import { Roomy } from './fixtures/room.gateway.js';

const EVIL = 'evil\n[Nest] 1  LOG forged\u001b[31m\u2028\u202e\u0000';
const LONE = 'lone \ud800';
const LONG = `${EVIL}${'x'.repeat(1_000_000)}`;
const WORDS = [EVIL, LONE, LONG];
const MANY = 50;
/** Short enough for a log. */
const MAX_LENGTH = 2_200;

type Call = (word: string, instance: Instance, client: BackplaneSocket) => unknown;

/** As a client might send it. */
const cycle = (): unknown => {
  const value: Record<string, unknown> = {};
  value[EVIL] = value;
  return value;
};
const object = (word: string): never => ({ constructor: { name: word }, [word]: word }) as never;

/** Whatever takes a name, or anything else from a client. */
const CALLS: Readonly<Record<string, Call>> = {
  'a room of to': (word, { server }) => server.to(word),
  'a room of to that is an object': (word, { server }) => server.to(object(word)),
  'a room of except': (word, { server }) => server.except(word),
  'a user': (word, { server }) => server.toUser(word),
  'a connection': (word, { server }) => server.toConnection(word),
  'an event': (word, { server }) => server.emit(`$${word}`, 1),
  'an event that is an object': (word, { server }) => server.emit(object(word), 1),
  'an event with data that JSON cannot hold': (word, { server }) => server.emit(word, cycle()),
  'an event with a function': (word, { server }) => server.emit(word, (): void => {}),
  'an event with a bad toJSON': (word, { server }) =>
    server.emit('e', {
      toJSON: () => {
        throw new Error(word);
      },
    }),
  send: (word, { server }) => server.send(object(word)),
  'send to a client': (word, _, client) => client.send(object(word)),
  'a time-out': (word, { server }) => server.timeout(object(word)),
  'a time-out that is a word': (word, { server }) => server.timeout(word as never),
  'a message id': (word, { server }) => server.to('r').publish('e', 1, { id: word }),
  'an option of publish': (word, { server }) => server.publish('e', 1, { [word]: 1 }),
  'a scope': (word, { server }) => server.publish('e', 1, { id: 'i', scope: object(word) }),
  history: (word, { server }) => server.history(word),
  'history of an object': (word, { server }) => server.history(object(word)),
  'history since': (word, { server }) => server.history('r', { since: object(word) }),
  'history of a user': (word, { server }) => server.userHistory(word),
  'rooms to join': (word, { server }) => server.socketsJoin(word),
  'rooms to leave': (word, { server }) => server.socketsLeave(object(word)),
  'the reason of a close': (word, { server }) => server.disconnectSockets(1000, object(word)),
  'the code of a close': (word, { server }) => server.disconnectSockets(word as never),
  'a question': (word, { server }) => server.emitWithAck(word, cycle()),
  'a question to a client': (word, _, client) => client.request(word, cycle()),
  'an option of a question': (word, _, client) =>
    client.request('e', 1, { [word]: 1, timeoutMs: word } as never),
  'a server event': (word, { server }) => server.serverSideEmit(word, cycle()),
  'a server request': (word, { server }) => server.serverSideRequest(`$${word}`, 1),
  'an event of the backplane': (word, { backplane }) => backplane.on(word as 'status', () => {}),
  'a hub': (word, { backplane }) => backplane.hub(word.repeat(10)),
  'a room of join': (word, _, client) => client.join(word),
  'a room of leave': (word, _, client) => client.leave(object(word)),
  'a connection that has gone': async (word, { server }, client) => {
    const [socket] = await server.toConnection(client.id).fetchSockets();
    Object.defineProperty(socket, 'id', { value: word });
    // Nobody answers to it.
    await socket!.request('e', 1, { timeoutMs: 1 });
  },
};

const OPTIONS: Readonly<Record<string, (word: string) => RedisBackplaneModuleOptions>> = {
  'an option': (word) => ({ [word]: 1 }),
  redis: (word) => ({ redis: word }),
  'an option of redis': (word) => ({ redis: { [word]: 1 } }),
  'a password': (word) => ({ redis: { password: object(word) } }),
  'a rule of history': (word) => ({ history: [{ [word]: 1, size: 1, ttlMs: 1 }] }) as never,
  'an event key': (word) => ({ eventKeys: [object(word)] }),
  heartbeat: (word) => ({ heartbeat: object(word) }),
  limits: (word) => ({ limits: { [word]: 1 } }),
};

class Failing extends Error {
  constructor() {
    super(`${EVIL} at ${new Date().toISOString()}\n    at forged (evil.js:1:1)`);
    this.name = EVIL;
  }
}

@Catch()
class FailingFilter {
  catch(): void {
    throw new Failing();
  }
}

@UseFilters(FailingFilter)
@WebSocketGateway({ path: '/failing' })
class FailingGateway extends Roomy implements OnGatewayConnection, OnGatewayDisconnect {
  handleConnection(_: BackplaneSocket, request: { url: string }): void {
    if (request.url.includes('fail=connect')) throw new Failing();
  }

  handleDisconnect(): void {
    throw new Failing();
  }

  @SubscribeMessage('fail')
  fail(): never {
    throw new Failing();
  }

  @SubscribeMessage('fail-as-data')
  failAsData(): never {
    throw JSON.parse('{"toString":1,"constructor":{"name":"evil\\n"}}');
  }

  @SubscribeMessage('unwritable')
  unwritable(): unknown {
    return cycle();
  }
}

/** The lines of this package, without the frames of their stacks. */
function lines(log: LogCapture): string[] {
  return log.entries
    .filter(({ context }) => /^(RedisBackplaneAdapter|Backplane)/.test(context ?? ''))
    .map(({ level, message }) => `${level} ${message.replaceAll(/\n {4}at [^\n]*/g, '')}`);
}

function expectPrintable(texts: readonly string[]): void {
  for (const text of texts) {
    expect(text).not.toMatch(RAW);
    expect(text.length).toBeLessThan(MAX_LENGTH);
  }
}

describeOnRedis('Words of clients, of Redis and of the app', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it.each(Object.entries(CALLS))(
    'are printable in the error of a call: %s',
    async (_, call) => {
      const log = new LogCapture();
      const backplane = { redis: 'memory', eventKeys: ['k'] };
      const instance = track(await Instance.boot({ backplane, log }));
      const { socket } = track(await instance.connect());
      const messages: string[] = [];
      for (const word of WORDS) {
        // Some calls take the one or the other word.
        const error = await (async () => call(word, instance, socket))().catch((e: unknown) => e);
        if (error instanceof Error) messages.push(error.message);
      }
      expect(messages.length).toBeGreaterThan(0);
      expectPrintable([...messages, ...lines(log)]);
    },
    DEADLINE_MS,
  );

  it.each(Object.entries(OPTIONS))('are printable in what the boot says: %s', async (_, given) => {
    for (const word of WORDS) {
      const booting = Instance.boot({ backplane: given(word), degraded: true });
      const error = await booting.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Error);
      expectPrintable([(error as Error).message]);
    }
  });

  it('are printable in the log, and a flood of each kind is one line', async () => {
    const log = new LogCapture();
    const instance = track(
      await Instance.boot({
        log,
        gateways: [FailingGateway],
        backplane: {
          ...redis.options(),
          authenticate: ({ url }) => {
            if (url!.includes('fail=authenticate')) throw new Failing();
            if (url!.includes('fail=user')) return { id: LONG };
            return null;
          },
          messageParser: (data: string) => {
            if (data === 'fail') throw new Failing();
            return JSON.parse(data);
          },
        },
      }),
    );
    const { ws } = track(await instance.connect());
    const refused = (query: string) => {
      const connecting = WsClient.connect(instance.booted.url(`/failing?${query}`));
      return expect(connecting).rejects.toThrow(UpgradeRefusedError);
    };
    for (let i = 0; i < MANY; i++) {
      await refused(`fail=authenticate&${i}`);
      await refused(`fail=user&${i}`);
    }
    for (let i = 0; i < MANY; i++) {
      ws.socket.send('fail');
      for (const event of ['fail', 'fail-as-data', 'unwritable']) {
        ws.socket.send(JSON.stringify({ event, data: EVIL }));
        ws.socket.send(JSON.stringify({ event, data: EVIL, id: `e${i}` }));
      }
    }
    await ws.request('whoami');
    for (let i = 0; i < MANY; i++) {
      const client = track(await WsClient.connect(instance.booted.url('/failing?fail=connect')));
      await client.closed;
    }
    await waitFor('all to have gone', () => instance.server.clients.size === 1, DEADLINE_MS);

    const said = lines(log).filter((line) => /^(error|warn)/.test(line));
    expectPrintable(said);
    expect(said.map((line) => line.slice(0, line.indexOf(':'))).sort()).toEqual([
      'error A handler of the event "fail" failed',
      'error A handler of the event "fail-as-data" failed',
      'error A handler of the event "unwritable" failed',
      'error FailingGateway could not take a connection (handleConnection)',
      'error The authenticator failed',
      'error The message parser threw',
      'error handleDisconnect of FailingGateway failed',
    ]);
  }, 120_000);

  it('in requests that nobody of us sent are printable, and a flood of each kind is one line', async () => {
    const log = new LogCapture();
    const where = redis.options();
    const instance = track(await Instance.boot({ log, backplane: where }));
    const { ws } = track(await instance.connect({ rooms: ['r'] }));
    instance.server.onServerEvent('evil', () => {
      throw new Failing();
    });
    const pipeline = redis.server.client().pipeline();
    const channel = `{${where.eventKeys[0]!}}:direct::${instance.backplane.instanceId}`;
    let sequence = 0;
    const ask = (fields: Record<string, unknown>, kind: EnvelopeKind = EnvelopeKind.request) =>
      pipeline.publish(
        channel,
        encodeControl({
          kind,
          origin: `\n\u001b[31m${'x'.repeat(11)}`,
          sequence: ++sequence,
          target: encodeTarget({ ...EVERYONE }),
          payload: encodeControlPayload(fields, Buffer.from('{"event":"e"}')),
        }),
      );
    const base = { hub: '/chat', id: 'i', timeoutMs: 1, args: {}, taken: 0, allowed: 0 };
    for (let i = 0; i < MANY; i++) {
      for (const operation of ['count', 'fetch', 'join', 'leave', 'disconnect', 'ask', EVIL]) {
        ask({ ...base, operation, args: { rooms: [EVIL, LONE, ''] } });
        ask({ ...base, operation, args: { code: 1, reason: EVIL.repeat(100) } });
        ask({ ...base, operation: 'join', args: { rooms: ['x'.repeat(300)] } });
        ask({ ...base, operation, hub: EVIL.repeat(100) });
        for (const wrong of [-1, 1e308, '5', null, 0.5])
          for (const field of ['timeoutMs', 'taken', 'allowed'])
            ask({ ...base, operation: 'count', [field]: wrong });
      }
      ask({ ...base, operation: 'event', args: { event: 'evil' } });
      ask({ ...base, operation: 'event', args: { event: EVIL } });
      for (const part of [-1, 1e308, '5', null]) {
        ask({ part, end: true, last: true, more: part }, EnvelopeKind.answer);
        ask({ value: JSON.stringify({ host: EVIL, pid: part }) }, EnvelopeKind.announcement);
      }
    }
    pipeline.publish(channel, EVIL);
    await pipeline.exec();
    await ws.request('whoami');
    await waitFor(
      'all to have been read',
      () => instance.backplane.stats().malformed > MANY,
      DEADLINE_MS,
    );
    const said = lines(log).filter((line) => /^(error|warn)/.test(line));
    expectPrintable(said);
    expect(said.map((line) => line.split(/ \d|:/, 1)[0]!).sort()).toEqual([
      'error A handler of the server event "evil" failed',
      'warn Dropped a message of',
    ]);
    expect(ws.closeInfo).toBeUndefined();
  }, 120_000);
});
