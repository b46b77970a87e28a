import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import type { RedisBackplaneModuleOptions } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';
import { describeOnEach } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import type { Peer } from './fixtures/instance.js';
import { Roomy } from './fixtures/room.gateway.js';

const lists = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const cycle: unknown[] = [];
cycle.push(cycle);

/** Values that JSON cannot hold, as an app's parser may make them of what a client sends. */
const ODD: Record<string, () => unknown> = {
  bigint: () => 1n,
  cycle: () => cycle,
  function: () => () => {},
  symbol: () => Symbol('s'),
  deep: () => JSON.parse(lists(50_000)) as unknown,
  getter: () => ({
    get x(): never {
      throw Object.create(null) as Error;
    },
  }),
  'to-json': () => ({
    toJSON() {
      throw new Error('not today');
    },
  }),
};

/** `{"odd":"bigint","in":"data","id":…}` is an answer with a BigInt as its data. */
const messageParser = (bytes: string | Buffer): Record<string, unknown> => {
  const message = JSON.parse(bytes.toString()) as Record<string, unknown>;
  const odd = ODD[message.odd as string];
  return odd ? { id: message.id, [message.in as string]: odd() } : message;
};

@WebSocketGateway({ path: '/chat' })
class Gateway extends Roomy {
  handleConnection(client: { handshake: { query: { throws?: string } } }) {
    const { throws } = client.handshake.query;
    if (throws === undefined) return;
    throw throws === 'raw' ? Object.create(null) : new WsException({ data: ODD[throws]!() });
  }

  /** As the docs have it. */
  @SubscribeMessage('past')
  async past(@MessageBody() room: string) {
    return (await this.server.history(room)).entries;
  }
}

const isQuestion = (frame: unknown): boolean => {
  const { event, id } = frame as { event?: unknown; id?: unknown };
  return event !== undefined && id !== undefined;
};

describeOnEach('What others sent, encoded again', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (options: Partial<RedisBackplaneModuleOptions> = {}) => {
    const backplane = options as RedisBackplaneModuleOptions;
    const cluster = track(await Cluster.boot(backend, 2, { gateways: [Gateway], backplane }));
    const [a, b] = cluster.instances;
    return { cluster, a: a!, b: b! };
  };

  describe('as the answer of one client of many', () => {
    /**
     * Asks from elsewhere, has one client answer badly and the others well; resolves with all
     * answers.
     */
    async function ask(options: Partial<RedisBackplaneModuleOptions>, bad: (id: string) => string) {
      const { a, b } = await boot(options);
      const peers: Peer[] = [];
      for (let i = 0; i < 3; i++) peers.push(track(await b.connect({ rooms: ['r'] })));
      const [odd, ...others] = peers;
      const asked = a.server.to('r').timeout(60_000).emitWithAck('q');
      for (const { ws } of others) {
        const { id } = (await ws.take('the question', isQuestion)) as { id: string };
        ws.send(JSON.stringify({ id, data: 'good' }));
      }
      const { id } = (await odd!.ws.take('the question', isQuestion)) as { id: string };
      odd!.ws.send(bad(id));
      const { answers, missing } = await asked;
      expect(missing).toEqual([]);
      const good = answers.filter(({ connectionId }) => connectionId !== odd!.id);
      expect(good.map(({ data }) => data)).toEqual(['good', 'good']);
      const [answer] = answers.filter(({ connectionId }) => connectionId === odd!.id);
      return answer as { data?: unknown; error?: unknown };
    }

    it.each([65, 8_000, 100_000])('%d levels deep: its error', async (levels) => {
      const tooDeep = { status: 'error', message: 'Nested deeper than 64 levels' };
      for (const member of ['data', 'error']) {
        const answer = await ask({}, (id) => `{"id":"${id}","${member}":${lists(levels)}}`);
        expect(answer.error).toEqual(tooDeep);
      }
    });

    it.each([8_000, 100_000])('%d levels deep, where that is allowed', async (levels) => {
      const maxDepth = false as const;
      const answer = await ask({ maxDepth }, (id) => `{"id":"${id}","data":${lists(levels)}}`);
      expect(answer.error).toEqual({
        status: 'error',
        message: expect.stringMatching(/cannot be written as JSON.*call stack/),
      });
    });

    it.each(Object.keys(ODD).flatMap((odd) => ['data', 'error'].map((at) => [odd, at] as const)))(
      'a %s as its %s, by the parser of the app: its error',
      async (odd, member) => {
        const options = { messageParser, maxDepth: false as const };
        const answer = await ask(options, (id) => JSON.stringify({ odd, in: member, id }));
        expect(answer).not.toHaveProperty('data');
        expect(answer.error).toEqual({ status: 'error', message: expect.stringMatching(/JSON/) });
      },
    );
  });

  it('is read of a history by everybody, however deep one message of it is', async () => {
    const { a, b } = await boot({ history: [{ rooms: 'r', size: 10, ttlMs: 60_000 }] });
    const peer = track(await b.connect());
    let deepest = 1_000;
    await a.server.to('r').publish('first', 1);
    // As deep as can be encoded, to some levels: the publisher's stack decides.
    for (let levels = 20_000; levels > 500; levels = Math.floor(levels * 0.95)) {
      const data = JSON.parse(lists(levels)) as unknown;
      const published = await a.server
        .to('r')
        .publish('deep', data)
        .catch((error: unknown) => error);
      if (published instanceof TypeError) continue;
      deepest = levels;
      break;
    }
    expect(deepest).toBeGreaterThan(1_000);
    await a.server.to('r').publish('last', { room: 'r' });
    const entries = await peer.ws.request<{ event: string; data: unknown }[]>('past', 'r');
    expect(entries).toEqual([
      expect.objectContaining({ event: 'first', data: 1 }),
      expect.objectContaining({ event: 'deep', raw: `{"event":"deep","data":${lists(deepest)}}` }),
      expect.objectContaining({ event: 'last', data: { room: 'r' } }),
    ]);
    expect(entries[1]).not.toHaveProperty('data');
    const page = await a.server.history('r');
    expect(JSON.parse(JSON.stringify({ page })).page.entries).toEqual(entries);
  });

  it("is a connection's data: a field that JSON cannot hold costs no other, and no connection", async () => {
    const { a, b } = await boot();
    const odd = track(await b.connect({ rooms: ['r'] }));
    const plain = track(await b.connect({ rooms: ['r'] }));
    const near = track(await a.connect({ rooms: ['r'] }));
    const bad = Object.fromEntries(Object.entries(ODD).map(([name, make]) => [name, make()]));
    Object.assign(odd.socket.data, bad, {
      name: 'x',
      nested: { deep: [1] },
      nearly: JSON.parse(lists(4_000)) as unknown,
    });
    Object.defineProperty(odd.socket.data, 'thrower', {
      enumerable: true,
      get: () => {
        throw Object.create(null);
      },
    });
    Object.defineProperty(odd.socket.data, '__proto__', { enumerable: true, value: 'own' });
    plain.socket.data = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys');
        },
      },
    );
    near.socket.data.self = near.socket.data;
    near.socket.data.name = 'near';
    const sockets = await a.server.to('r').fetchSockets();
    expect(sockets.missing).toEqual([]);
    const dataOf = ({ id }: Peer): unknown => sockets.find((socket) => socket.id === id)?.data;
    const text = '{"name":"x","nested":{"deep":[1]},"__proto__":"own"}';
    expect(JSON.stringify(dataOf(odd))).toBe(text);
    expect(dataOf(plain)).toEqual({});
    expect(dataOf(near)).toEqual({ name: 'near' });
  });

  it.each([...Object.keys(ODD), 'raw'])(
    'is in the exception of a handleConnection: %s',
    async (throws) => {
      const { cluster, a } = await boot();
      const url = `${a.booted.url(a.server.path)}?throws=${throws}`;
      const client = track(await WsClient.connect(url));
      expect(await client.next()).toMatchObject({ event: 'exception' });
      expect(await client.awaitClose()).toMatchObject({ code: 1011 });
      track(await cluster.first.connect());
    },
  );

  it.each(Object.keys(ODD))('is the answer of a server: %s', async (odd) => {
    const { a, b } = await boot();
    b.server.onServerEvent('odd', () => ODD[odd]!());
    b.server.onServerEvent('throws', () => {
      throw Object.assign(new Error(), { message: ODD[odd]!() });
    });
    b.server.onServerEvent('good', () => 'good');
    await b.backplane.settled();
    const failed = {
      answers: [],
      missing: [{ instanceId: b.backplane.instanceId, reason: 'HANDLER_FAILED', message: ANY }],
    };
    expect(await a.server.serverSideRequest('odd')).toEqual(failed);
    expect(await a.server.serverSideRequest('throws')).toEqual(failed);
    const good = [{ instanceId: b.backplane.instanceId, data: 'good' }];
    expect((await a.server.serverSideRequest('good')).answers).toEqual(good);
  });

  it('is what the app sends: a TypeError at each call that says it', async () => {
    const { a, b } = await boot({ history: [{ rooms: 'r', size: 10, ttlMs: 60_000 }] });
    const peer = track(await a.connect());
    for (const make of Object.values(ODD)) {
      const data = make();
      const words = /^The data of "x" .*Send plain data/;
      for (const call of [
        async () => a.server.emit('x', data),
        async () => a.server.to('r').publish('x', data),
        async () => a.server.to('elsewhere').publish('x', data),
        async () => a.server.emitWithAck('x', data),
        async () => a.server.serverSideEmit('x', data),
        async () => a.server.serverSideRequest('x', data),
        async () => peer.socket.emit('x', data),
        async () => peer.socket.request('x', data),
        async () => (await a.server.fetchSockets())[0]!.request('x', data),
      ])
        await expect(call()).rejects.toThrow(expect.objectContaining({ name: 'TypeError' }));
      await expect(async () => a.server.emit('x', data)).rejects.toThrow(words);
    }
    await waitFor('nothing to be open', () => a.backplane.stats().openRequests === 0);
    expect(b.backplane.stats().received).toBe(0);
  });
});

const ANY = expect.any(String) as unknown;
