import assert from 'node:assert';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  Backplane,
  BackplaneSocket,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { Observable, of } from 'rxjs';
import { Dispatcher } from '../../lib/adapter/dispatch/dispatcher.js';
import { closeAfterEach } from '../support/cleanup.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { frameBytes, Opcode, RawWsClient } from '../support/raw-ws-client.js';
import { RunningEcho } from '../support/running-echo.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

type Messages = NonNullable<RedisBackplaneOptions['messageParser']>;
type Returned = ReturnType<Messages>;

const VALUES: Record<string, () => unknown> = {
  function: () => () => {},
  symbol: () => Symbol('s'),
  BigInt: () => 1n,
  cycle: () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    return cycle;
  },
  levels: () => JSON.parse(lists(50_000)) as unknown,
  'a getter that throws': () => ({
    get x(): never {
      throw Object.create(null) as Error;
    },
  }),
  'a toJSON that returns nothing': () => ({ toJSON() {} }),
};

@WebSocketGateway()
class Gateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('take')
  take(@MessageBody() data: unknown) {
    return typeof data;
  }

  @SubscribeMessage('returns')
  returns(@MessageBody() name: string) {
    return VALUES[name]!();
  }

  @SubscribeMessage('streams')
  streams(@MessageBody() name: string) {
    return of(VALUES[name]!());
  }

  @SubscribeMessage('acks')
  acks(@MessageBody() name: string, @Ack() ack: (data?: unknown) => void) {
    ack(VALUES[name]!());
  }

  @SubscribeMessage('pretends')
  pretends() {
    return {
      lift: () => {},
      pipe() {
        return this;
      },
      subscribe: () => {
        throw new Error('it cannot be subscribed to');
      },
    } as unknown as Observable<unknown>;
  }

  /** As a filter of the app's does. */
  @SubscribeMessage('excepts')
  excepts(@MessageBody() name: string, @ConnectedSocket() client: BackplaneSocket) {
    client.emit(
      'exception',
      name === 'nothing' ? undefined : name === 'null' ? null : VALUES[name]!(),
    );
  }

  @SubscribeMessage('asks')
  async asks(@ConnectedSocket() client: BackplaneSocket) {
    return client.request('q').then(
      (data) => ({ data }),
      (error: unknown) => ({ error }),
    );
  }
}

const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const objects = (depth: number): string => '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1);
const tooDeep = { status: 'error', message: 'Nested deeper than 64 levels' };

let lastKey = 0;

describe('The depth of what clients send', () => {
  const track = closeAfterEach();
  guardProcess();

  async function boot(options: RedisBackplaneOptions = {}) {
    const eventKeys = [`depth-${++lastKey}`];
    const module = RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys, ...options });
    const app = track(await bootApp({ imports: [module], providers: [Gateway] }));
    const connect = async () => track(await WsClient.connect(app.url()));
    const stats = () => app.app.get(Backplane).stats();
    return { app, connect, stats, client: await connect() };
  }

  describe.each([
    ['the own parser', undefined],
    ["an app's parser", (data: string | Buffer) => JSON.parse(data.toString()) as Returned],
  ])('with %s', (_, messageParser) => {
    const options = messageParser ? { messageParser } : {};

    it.each([
      ['lists', lists],
      ['objects', objects],
    ])('may be 64 levels of %s in a member, and no more', async (_kind, nested) => {
      const { client, stats } = await boot(options);
      client.send(`{"event":"take","data":${nested(64)},"id":1}`);
      expect(await client.next()).toEqual({ id: 1, data: 'object' });
      client.send(Buffer.from(`{"event":"take","data":${nested(65)},"id":"é\\n"}`));
      expect(await client.next()).toEqual({ id: 'é\n', error: tooDeep });
      client.send(`{"id":3,"event":"take","data":"[[[","error":${nested(65)}}`);
      expect(await client.next()).toEqual({ id: 3, error: tooDeep });
      client.send(`{"event":${nested(65)},"id":4}`);
      expect(await client.next()).toEqual({ id: 4, error: tooDeep });
      expect(stats().tooDeep).toBe(3);
    });

    it('is counted where nobody can be answered, and nothing is said', async () => {
      const { client, stats } = await boot(options);
      const deep = lists(70);
      client.send(`{"event":"take","data":${deep}}`);
      client.send(`{"event":"take","data":1,"id":${deep}}`);
      client.send(`{"id":77,"data":${deep}}`);
      expect(await client.settle()).toEqual([]);
      expect(stats()).toMatchObject({ tooDeep: 3, strayAnswers: 0 });
    });

    it('makes an answer to a question a failure, at once', async () => {
      const { client, stats } = await boot(options);
      for (const member of ['data', 'error']) {
        client.sendEvent('asks', undefined, 'asking');
        const { id } = (await client.take('the question', isQuestion)) as { id: number };
        client.send(`{"id":${id},"${member}":${lists(65)}}`);
        const { data } = (await client.next()) as { data: { error: { error: unknown } } };
        expect(data.error.error).toEqual(tooDeep);
      }
      expect(stats().tooDeep).toBe(2);
    });

    it('can be set, and turned off', async () => {
      const two = await boot({ ...options, maxDepth: 2 });
      two.client.send(`{"event":"take","data":[[]],"id":1}`);
      expect(await two.client.next()).toEqual({ id: 1, data: 'object' });
      two.client.send(`{"event":"take","data":[[[]]],"id":2}`);
      const error = { status: 'error', message: 'Nested deeper than 2 levels' };
      expect(await two.client.next()).toEqual({ id: 2, error });
      const endless = await boot({ ...options, maxDepth: false });
      endless.client.send(`{"event":"take","data":${lists(100_000)},"id":1}`);
      expect(await endless.client.next()).toEqual({ id: 1, data: 'object' });
      expect(endless.stats().tooDeep).toBe(0);
    });
  });

  it('is found in a message of many fragments', async () => {
    const { app, stats, client } = await boot();
    const raw = track(await RawWsClient.upgrade(app.port));
    const frame = Buffer.from(`{"event":"take","data":${lists(100_000)},"id":1}`);
    for (let at = 0; at < frame.length; at += 7_000) {
      const payload = frame.subarray(at, at + 7_000);
      const opcode = at === 0 ? Opcode.text : Opcode.continuation;
      raw.write(frameBytes({ opcode, payload, fin: at + 7_000 >= frame.length }));
    }
    raw.frame({ opcode: Opcode.text, payload: '{"event":"take","data":1,"id":2}' });
    await waitFor('both answers', () => /"id":1,"error".*"id":2,"data":"number"/.test(raw.text));
    expect(stats().tooDeep).toBe(1);
    expect(await client.settle()).toEqual([]);
  });

  it('costs next to nothing in a megabyte of brackets', async () => {
    const { client, connect } = await boot();
    const bystander = track(new RunningEcho(await connect()));
    const frame = `{"event":"take","id":1,"data":${'['.repeat(1_000_000)}`;
    for (let i = 0; i < 10; i++) client.send(frame);
    // The others end too early to be messages.
    client.send(`{"event":"take","data":${lists(500_000)},"id":2}`);
    expect(await client.next()).toEqual({ id: 2, error: tooDeep });
    await bystander.stop();
  });
});

describe("What an app's parser returns", () => {
  const track = closeAfterEach();
  guardProcess();

  const cyclic: Record<string, unknown> = { event: 'echo' };
  cyclic.data = cyclic;
  let shared: unknown[] = [];
  for (let level = 1; level < 64; level++) shared = [shared, shared];
  const thrower = (name: string): object =>
    Object.defineProperty({ event: 'echo' }, name, {
      enumerable: true,
      get: () => {
        throw Object.create(null);
      },
    });
  const PARSED: [string, () => unknown, 'dropped' | 'a fault' | 'too deep' | 'served'][] = [
    ['nothing', () => undefined, 'dropped'],
    ['null', () => null, 'dropped'],
    ['a string', () => '{"event":"echo"}', 'dropped'],
    ['a number', () => 7, 'dropped'],
    ['a function', () => () => {}, 'dropped'],
    ['a list', () => ['echo', 1], 'dropped'],
    ['bytes', () => Buffer.from('{"event":"echo"}'), 'dropped'],
    [
      'an object without a prototype',
      () => Object.assign(Object.create(null), { event: 'echo' }),
      'served',
    ],
    ['an error', () => new Error('not thrown'), 'dropped'],
    [
      'what it throws',
      () => {
        throw Object.create(null);
      },
      'a fault',
    ],
    ['a promise', async () => ({ event: 'echo', data: 1 }), 'a fault'],
    [
      'a promise that rejects',
      async () => {
        throw new Error('later');
      },
      'a fault',
    ],
    [
      'a thenable that throws', // oxlint-disable-next-line unicorn/no-thenable
      () => ({ then: () => assert.fail('then') }),
      'a fault',
    ],
    ['a getter "event" that throws', () => thrower('event'), 'a fault'],
    ['a getter "id" that throws', () => thrower('id'), 'a fault'],
    ['a getter "data" that throws', () => thrower('data'), 'a fault'],
    ['a getter "error" that throws', () => thrower('error'), 'a fault'],
    [
      'a revoked proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
      'a fault',
    ],
    ['a cycle', () => cyclic, 'too deep'],
    [
      'maps in maps',
      () => ({
        event: 'echo',
        data: Array.from({ length: 65 }).reduce((inner) => new Map([[1, inner]]), 0),
      }),
      'too deep',
    ],
    ['2^63 ways through 64 levels', () => ({ event: 'take', data: shared }), 'served'],
    ['a BigInt', () => ({ event: 'take', data: 1n, id: 1 }), 'served'],
    ['an id that is a BigInt', () => ({ event: 'take', id: 1n }), 'served'],
    ['an event that is a symbol', () => ({ event: Symbol('s'), id: 1 }), 'served'],
    ['a million numbers', () => ({ event: 'take', data: Array(1_000_000).fill(0) }), 'served'],
    [
      'a list of length four billion',
      () => ({ event: 'take', data: Array(2 ** 32 - 1) }),
      'served',
    ],
  ];

  it.each(PARSED)('may be %s', async (_, parsed, outcome) => {
    const messageParser = (data: string | Buffer): Returned =>
      data.toString() === 'odd'
        ? (parsed() as Returned)
        : (JSON.parse(data.toString()) as Returned);
    const eventKeys = [`depth-${++lastKey}`];
    const module = RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys, messageParser });
    const app = track(await bootApp({ imports: [module], providers: [Gateway] }));
    const client = track(await WsClient.connect(app.url()));
    const bystander = track(new RunningEcho(track(await WsClient.connect(app.url()))));
    client.send('odd');
    client.send(Buffer.from('odd'));
    const answers = await client.settle();
    expect(client.closeInfo).toBeUndefined();
    if (outcome !== 'served') expect(answers).toEqual([]);
    expect(app.log.matching(/^ERROR.*message parser/).length > 0).toBe(outcome === 'a fault');
    expect(app.app.get(Backplane).stats().tooDeep).toBe(outcome === 'too deep' ? 2 : 0);
    await bystander.stop();
  });
});

describe('What JSON cannot hold', () => {
  const track = closeAfterEach();
  guardProcess();
  const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' };

  async function boot() {
    const eventKeys = [`depth-${++lastKey}`];
    const module = RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys });
    const app = track(await bootApp({ imports: [module], providers: [Gateway] }));
    return { app, client: track(await WsClient.connect(app.url())) };
  }

  describe.each(Object.keys(VALUES))('%s', (name) => {
    it.each(['returns', 'streams'])(
      'that a handler %s: a failure, and a line that says it',
      async (event) => {
        const { app, client } = await boot();
        client.sendEvent(event, name, 1);
        expect(await client.next()).toEqual({ id: 1, error: INTERNAL_ERROR });
        client.sendEvent(event, name);
        expect(await client.next()).toEqual({ event: 'exception', data: INTERNAL_ERROR });
        expect(app.log.matching(/^ERROR.*handler.* failed.*(JSON|return)/).length).toBeGreaterThan(
          0,
        );
      },
    );

    it.each(['acks', 'excepts'])('that a handler %s: a failure', async (event) => {
      const { client } = await boot();
      client.sendEvent(event, name, 1);
      expect(await client.next()).toMatchObject({ id: 1, error: { status: 'error' } });
    });
  });

  it('nothing at all as an exception is no success', async () => {
    const { client } = await boot();
    for (const name of ['nothing', 'null']) {
      client.sendEvent('excepts', name, name);
      expect(await client.next()).toEqual({ id: name, error: INTERNAL_ERROR });
    }
  });

  it('and a fault in the handling of a message: that client goes, and nobody else', async () => {
    const { app, client } = await boot();
    const bystander = track(new RunningEcho(track(await WsClient.connect(app.url()))));
    const original = Object.getOwnPropertyDescriptor(Dispatcher.prototype, 'dispatch')!;
    const dispatch = jest.spyOn(Dispatcher.prototype, 'dispatch');
    dispatch.mockImplementation(function (this: Dispatcher, ...given) {
      if (given[3]) throw new Error('a fault');
      (original.value as Dispatcher['dispatch']).apply(this, given);
    });
    client.send(Buffer.from('{}'));
    expect(await client.awaitClose()).toMatchObject({ code: 1011 });
    await bystander.stop();
    dispatch.mockRestore();
    expect(app.log.matching(/^ERROR.*could not be handled: a fault/)).toHaveLength(1);
  });

  it('and what cannot be subscribed to', async () => {
    const { client } = await boot();
    client.sendEvent('pretends', 1, 1);
    expect(await client.next()).toEqual({ id: 1, error: INTERNAL_ERROR });
  });
});

function isQuestion(frame: unknown): boolean {
  return (frame as { event?: unknown }).event === 'q';
}
