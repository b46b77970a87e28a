import { expect, it } from '@jest/globals';
import { BackplaneConfigError, type BackplaneServer } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { describeOnEach } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { arrivals, type Instance, type Peer } from './fixtures/instance.js';

const HISTORY = [
  { rooms: 'orders:*', size: 50, ttlMs: 60_000 },
  { rooms: /^log\d$/, size: 5, ttlMs: 60_000 },
  { users: true as const, size: 20, ttlMs: 60_000 },
];

const dataOf = (frames: unknown[], event: string): unknown[] =>
  (frames as { event: string; data: unknown }[])
    .filter((frame) => frame.event === event)
    .map(({ data }) => data);

const sorted = (texts: unknown[]): string[] =>
  texts.map(String).toSorted((a, b) => a.localeCompare(b));

describeOnEach('Rooms with history', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (size = 2): Promise<Cluster> =>
    track(await Cluster.boot(backend, size, { backplane: { history: HISTORY } }));

  const connectTo = async (instance: Instance, ...rooms: string[]): Promise<Peer> =>
    track(await instance.connect({ rooms }));

  it('publish answers with the place of the message', async () => {
    const { first, last } = await boot();
    const near = await first.server.to('orders:1').publish('changed', 1);
    const far = await last.server.to('orders:1').publish('changed', 2);
    expect(near).toEqual({ epoch: expect.any(String), offset: 1, duplicate: false });
    expect(far).toEqual({ epoch: near!.epoch, offset: 2, duplicate: false });
    expect(await first.server.to('live').publish('changed', 3)).toBeUndefined();
    expect(first.backplane.stats()).toMatchObject({ published: 1, republished: 0 });
  });

  it('an id makes publish idempotent, on every instance', async () => {
    const { first, last } = await boot();
    const peer = await connectTo(first, 'orders:1');
    const once = await first.server.to('orders:1').publish('changed', 'a', { id: 'x' });
    const again = await last.server.to('orders:1').publish('changed', 'a', { id: 'x' });
    const elsewhere = await last.server.to('orders:2').publish('changed', 'a', { id: 'x' });
    expect(again).toEqual({ ...once, duplicate: true });
    expect(elsewhere).toMatchObject({ offset: 1, duplicate: false });
    await first.server.to('orders:1').publish('end');
    await peer.ws.take('the end', (frame) => (frame as { event?: string })?.event === 'end');
    expect(dataOf([...peer.ws.received], 'changed')).toEqual(['a']);
    expect(last.backplane.stats()).toMatchObject({ published: 1, republished: 1 });
  });

  it('an id counts in its scope only', async () => {
    const { first, last } = await boot();
    const room = first.server.to('orders:1');
    const publish = (id: string, scope?: string) =>
      room.publish('changed', 1, scope === undefined ? { id } : { id, scope });
    expect(await publish('x', 'ann')).toMatchObject({ offset: 1, duplicate: false });
    expect(await publish('x', 'ben')).toMatchObject({ offset: 2, duplicate: false });
    expect(await publish('x')).toMatchObject({ offset: 3, duplicate: false });
    const again = last.server.to('orders:1').publish('changed', 1, { id: 'x', scope: 'ann' });
    expect(await again).toMatchObject({ offset: 1, duplicate: true });
    // Where one ends and the other begins is no matter of their letters.
    expect(await publish('bc', 'a')).toMatchObject({ duplicate: false });
    expect(await publish('c', 'ab')).toMatchObject({ duplicate: false });
    expect(await publish('1:ax', '1')).toMatchObject({ duplicate: false });
    expect(await publish('+3:annx')).toMatchObject({ duplicate: false });
  });

  it.each(['', 7, {}, 'x'.repeat(256)])('refuses the id, and the scope, %p', async (value) => {
    const { first } = await boot(1);
    const room = first.server.to('orders:1');
    await expect(room.publish('changed', 1, { id: value as string })).rejects.toThrow(TypeError);
    const scoped = room.publish('changed', 1, { id: 'x', scope: value as string });
    await expect(scoped).rejects.toThrow(/scope/);
  });

  it.each([undefined, null])(
    'refuses the scope %p, as of a user that is not there',
    async (none) => {
      const { first } = await boot(1);
      const options = { id: 'x', scope: none as unknown as string };
      const publishing = first.server.to('orders:1').publish('changed', 1, options);
      await expect(publishing).rejects.toThrow(/"scope" of publish\(\) is (undefined|null)/);
    },
  );

  it('takes null for what is not given, and refuses options that there are not', async () => {
    const { first } = await boot(1);
    const room = first.server.to('orders:1');
    expect(await room.publish('changed', 1, null)).toMatchObject({ offset: 1 });
    expect(await room.publish('changed', 1, { id: null, queue: null })).toMatchObject({
      offset: 2,
    });
    await expect(room.publish('changed', 1, { ids: 'x' } as object)).rejects.toThrow(
      /publish\(\) has no option "ids".*id, scope, queue/,
    );
    await expect(room.publish('changed', 1, { queue: 1 as never })).rejects.toThrow(/"queue"/);
    await expect(room.publish('changed', 1, 'x' as never)).rejects.toThrow(/must be an object/);
    await expect(room.publish('changed', 1, { scope: 'ann' })).rejects.toThrow(/needs an "id"/);
    const none = { since: null, before: null, limit: null, reverse: null };
    for (const options of [null, undefined, none])
      expect(await first.server.history('orders:1', options)).toMatchObject({ offset: 2 });
    await expect(first.server.history('orders:1', { limt: 5 } as object)).rejects.toThrow(
      /history\(\) has no option "limt".*since, before, limit, reverse/,
    );
    await expect(room.emitWithAck('x', 1, { timeoutMs: 1 } as object)).rejects.toThrow(/onAnswer/);
    expect(await room.emitWithAck('x', 1, null)).toEqual({ answers: [], missing: [] });
    await expect(first.server.serverSideRequest('x', 1, { timeout: 5 } as object)).rejects.toThrow(
      /timeoutMs/,
    );
  });

  it('all members see one order, whoever emits', async () => {
    const cluster = await boot(3);
    const peers = await Promise.all(
      cluster.instances.map((instance) => connectTo(instance, 'orders:1')),
    );
    const each = 300;
    for (let n = 0; n < each; n++)
      cluster.instances.forEach(({ server }, i) => server.to('orders:1').emit('said', `${i} ${n}`));
    const count = (peer: Peer): unknown[] => dataOf([...peer.ws.received], 'said');
    await waitFor('all messages', () => peers.every((peer) => count(peer).length === 3 * each));
    const [one, ...others] = peers.map((peer) => count(peer).join());
    for (const other of others) expect(other).toBe(one);
    for (let i = 0; i < 3; i++) {
      const of = count(peers[0]!).filter((text) => (text as string).startsWith(`${i} `));
      expect(of.join()).toBe(Array.from({ length: each }, (_, n) => `${i} ${n}`).join());
    }
  });

  it('a connection that is meant in several ways gets one copy', async () => {
    const { first, last } = await boot();
    const both = track(await first.connect({ user: 'ann', rooms: ['orders:1', 'orders:2', 'r'] }));
    const ordersTwo = await connectTo(last, 'orders:2');
    const live = await connectTo(last, 'r');
    const user = track(await last.connect({ user: 'ann' }));
    const peers = [both, ordersTwo, live, user];
    const audience = last.server.to('orders:1', 'r', 'orders:2').toUser('ann');
    audience.emit('said', 'once');
    audience.except('r').emit('said', 'not to r');
    audience.exceptConnection(both.id).emit('said', 'not to both');
    await Promise.all([
      last.server.to('orders:1').publish('passed'),
      last.server.to('orders:2').publish('passed'),
      last.server.toUser('ann').publish('passed'),
    ]);
    const saidTo = async (): Promise<unknown[][]> =>
      (await arrivals(last.server, peers)).map((frames) => dataOf(frames, 'said'));
    const expected = [
      ['once'],
      ['once', 'not to r', 'not to both'],
      ['once', 'not to both'],
      ['once', 'not to r', 'not to both'],
    ];
    const heard: unknown[][] = [[], [], [], []];
    await waitFor('all copies', async () => {
      (await saidTo()).forEach((more, i) => heard[i]!.push(...more));
      return heard.flat().length >= expected.flat().length;
    });
    expect(heard.map(sorted)).toEqual(expected.map(sorted));
  });

  it('join, then an emit from another instance, 300 times', async () => {
    const { first, last } = await boot();
    const peer = await connectTo(first);
    for (let n = 0; n < 300; n++) {
      await peer.socket.join(`orders:${n}`);
      last.server.to(`orders:${n}`).emit('said', n);
    }
    const said = (): unknown[] => dataOf([...peer.ws.received], 'said');
    await waitFor('all messages', () => said().length === 300);
    expect(said().toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 300 }, (_, n) => n),
    );
  });

  it('the sender is left out, and so is who left; local messages are not kept', async () => {
    const { first } = await boot();
    const [ann, ben] = [await connectTo(first, 'orders:1'), await connectTo(first, 'orders:1')];
    ann.socket.to('orders:1').emit('said', 'by ann');
    first.server.local.to('orders:1').emit('said', 'here');
    const here = (peer: Peer): unknown[] => sorted(dataOf([...peer.ws.received], 'said'));
    await waitFor('both', () => here(ben).length === 2);
    await waitFor('one', () => here(ann).length === 1);
    expect(here(ann)).toEqual(['here']);
    const { entries } = await first.server.history('orders:1');
    expect(entries.map(({ data }) => data)).toEqual(['by ann']);
  });

  const fill = async (server: BackplaneServer, room: string, count: number): Promise<void> => {
    for (let n = 1; n <= count; n++) await server.to(room).publish('said', n);
  };

  it('reads a history forwards, backwards, from a place on', async () => {
    const { first, last } = await boot();
    await fill(first.server, 'orders:1', 10);
    const all = await last.server.history('orders:1');
    expect(all).toMatchObject({ offset: 10, complete: true, more: false });
    expect(all.entries).toHaveLength(10);
    expect(all.entries[0]).toEqual({
      offset: 1,
      publishedAtMs: expect.any(Number),
      event: 'said',
      data: 1,
    });
    const read = async (options: object): Promise<string> => {
      const { entries, complete, more } = await last.server.history('orders:1', options);
      return `${entries.map(({ data }) => data).join()} ${complete} ${more}`;
    };
    const { epoch } = all;
    expect(await read({ limit: 3 })).toBe('1,2,3 true true');
    expect(await read({ limit: 3, reverse: true })).toBe('10,9,8 true true');
    expect(await read({ since: 7 })).toBe('8,9,10 true false');
    expect(await read({ since: { epoch, offset: 7 }, reverse: true })).toBe('10,9,8 true false');
    expect(await read({ since: 10 })).toBe(' true false');
    expect(await read({ since: 11, limit: 2 })).toBe('1,2 false true');
    expect(await read({ before: 4 })).toBe('1,2,3 true false');
    expect(await read({ before: 4, limit: 2 })).toBe('1,2 true true');
    expect(await read({ before: 4, limit: 2, reverse: true })).toBe('3,2 true true');
    expect(await read({ before: 4, limit: 3, reverse: true })).toBe('3,2,1 true false');
    expect(await read({ before: 11, limit: 1, reverse: true })).toBe('10 true true');
    expect(await read({ since: 2, before: 5 })).toBe('3,4 true false');
    expect(await read({ since: 2, before: 5, limit: 1, reverse: true })).toBe('4 true true');
    for (const before of [0, 1]) expect(await read({ before })).toBe(' true false');
    expect(await read({ since: 4, before: 5 })).toBe(' true false');
    expect(await read({ before: 12, reverse: true })).toBe(' false false');
    expect(await read({ before: { epoch: 'another', offset: 4 } })).toBe(' false false');
    expect(await read({ since: { epoch: 'another', offset: 7 }, limit: 1 })).toBe('1 false true');
  });

  it('says that a history does not reach back', async () => {
    const { first } = await boot(1);
    await fill(first.server, 'log1', 8);
    const read = async (since: number, reverse: boolean): Promise<string> => {
      const page = await first.server.history('log1', { since, reverse });
      return `${page.entries.map(({ data }) => data).join()} ${page.complete}`;
    };
    expect(await read(2, false)).toBe('4,5,6,7,8 false');
    expect(await read(2, true)).toBe('8,7,6,5,4 false');
    expect(await read(3, false)).toBe('4,5,6,7,8 true');
    expect(await read(3, true)).toBe('8,7,6,5,4 true');
  });

  it('is paged backwards to its oldest message, and there it ends', async () => {
    const { first } = await boot(1);
    await fill(first.server, 'log1', 8);
    const page = async (before?: { epoch: string; offset: number }, limit = 2) =>
      first.server.history('log1', { before, limit, reverse: true });
    const seen: unknown[] = [];
    let { entries, more, complete, epoch } = await page();
    for (;;) {
      seen.push(...entries.map(({ data }) => data));
      expect(complete).toBe(true);
      if (!more) break;
      ({ entries, more, complete, epoch } = await page({ epoch, offset: entries.at(-1)!.offset }));
    }
    expect(seen).toEqual([8, 7, 6, 5, 4]);
    // As many as are kept: nothing is left, though there have been others.
    expect(await page(undefined, 5)).toMatchObject({ more: false, complete: true });
    expect(await page({ epoch, offset: 4 })).toMatchObject({
      entries: [],
      more: false,
      complete: false,
    });
    // What follows 1 is gone, however few of the rest are asked for.
    const since = { since: 1, limit: 2, reverse: true };
    expect(await first.server.history('log1', since)).toMatchObject({
      more: true,
      complete: false,
    });
    const kept = { ...since, since: 3 };
    expect(await first.server.history('log1', kept)).toMatchObject({ more: true, complete: true });
  });

  it('reads by a name of its own for each kind: what a client sends chooses none', async () => {
    const { first } = await boot(1);
    for (const owner of [{ user: 'ann' }, { all: true }, ['orders:1'], null, 7])
      await expect(first.server.history(owner as never)).rejects.toThrow(TypeError);
    await expect(first.server.history({ user: 'ann' } as never)).rejects.toThrow(/userHistory/);
    for (const id of [{ id: 'ann' }, ['ann'], null, ''])
      await expect(first.server.userHistory(id as never)).rejects.toThrow(TypeError);
  });

  it('keeps raw frames, and what a user was sent', async () => {
    const { first } = await boot(1);
    await first.server.to('orders:1').publish('said');
    first.server.to('orders:1').send('raw text');
    first.server.to('orders:1').send(Buffer.from([0, 1, 255]));
    first.server.toUser('ann').emit('told', { a: 1 });
    await waitFor('all', async () => first.backplane.stats().published === 4);
    const { entries } = await first.server.history('orders:1');
    expect(entries.map(({ event, data, raw }) => ({ event, data, raw }))).toEqual([
      { event: 'said', data: undefined, raw: undefined },
      { event: undefined, data: undefined, raw: 'raw text' },
      { event: undefined, data: undefined, raw: Buffer.from([0, 1, 255]) },
    ]);
    const told = await first.server.userHistory('ann');
    expect(told.entries).toMatchObject([{ event: 'told', data: { a: 1 } }]);
  });

  it('refuses to read what has no history, or cannot be', async () => {
    const { first } = await boot(1);
    await expect(first.server.history('live')).rejects.toThrow(BackplaneConfigError);
    await expect(first.server.hubHistory()).rejects.toThrow(/option "history"/);
    await expect(first.server.history('')).rejects.toThrow(TypeError);
    await expect(first.server.history('orders:1', { limit: 0 })).rejects.toThrow(/"limit"/);
    await expect(first.server.history('orders:1', { since: -1 })).rejects.toThrow(/"since"/);
    for (const place of ['1', 1.5, {}, { epoch: 'e' }, { epoch: 1, offset: 1 }, [1]])
      for (const option of ['since', 'before']) {
        const reading = first.server.history('orders:1', { [option]: place });
        await expect(reading).rejects.toThrow(new RegExp(`"${option}" of history`));
      }
    await expect(first.server.history('orders:1', { reverse: 1 as never })).rejects.toThrow(
      /"reverse"/,
    );
  });
});
