import { expect, it } from '@jest/globals';
import { encodeLogEntry } from '../../../lib/transport/log-entry.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { describeWithRedis } from '../../support/redis-server.js';
import { waitFor } from '../../support/wait-for.js';
import { acceptedIn, acceptedOf } from '../verdict/accepted.js';
import type { Message } from '../verdict/recording.js';
import { channelOf, META_PREFIX, STREAM_PREFIX } from './names.js';
import { Store } from './store.js';

const channel = channelOf('key', 'r');
const stream = STREAM_PREFIX + channel;
const meta = META_PREFIX + channel;

describeWithRedis('The store', () => {
  const track = closeAfterEach();

  const append = async (
    store: Store,
    offset: number,
    uid = `m${offset}`,
    epoch = 'epoch..1',
  ): Promise<void> => {
    const message: Message = {
      uid,
      room: 'r',
      writer: 'w',
      sequence: offset,
      verb: 'emit',
      sentAt: offset,
    };
    const frame = JSON.stringify({ event: 'message', data: message });
    const entry = encodeLogEntry({
      epoch,
      offset,
      publishedAtMs: offset,
      tag: uid.padEnd(8),
      previousTag: '',
      bytes: Buffer.from(frame),
    });
    const { server } = store.current;
    await server.cli('xadd', stream, 'maxlen', '=', '2', `${offset}-0`, 'f', entry);
    await server.cli('hset', meta, 'e', epoch, 's', offset);
  };

  const room = async (store: Store) => {
    const { entries, restarts, evictions, holes } = acceptedIn(
      acceptedOf(await store.chapters()),
      'r',
    );
    const shown = entries.map(({ message, forfeited }) => (forfeited ? '-' : '') + message.uid);
    return { entries: shown.join(' '), restarts, evictions, holes };
  };

  it('remembers what a killed and an emptied Redis had', async () => {
    const store = track(await Store.start(false));
    for (const offset of [1, 2, 3]) await append(store, offset);
    await store.current.kill();
    await store.current.restart();
    expect(await store.current.server.cli('xlen', stream)).toBe(2);
    await append(store, 4);
    await store.current.server.cli('del', stream);
    await append(store, 5);
    await store.current.server.cli('del', meta, stream);
    await append(store, 1, 'n1', 'epoch..2');
    await store.restartEmpty();
    expect(await store.current.server.cli('exists', stream)).toBe(0);
    await append(store, 1, 'o1', 'epoch..3');
    expect(await room(store)).toEqual({
      entries: 'm1 m2 m3 m4 m5 n1 o1',
      restarts: [5, 6],
      evictions: [4, 5],
      holes: [],
    });
  });

  it('tells what a promoted replica lacks', async () => {
    const store = track(await Store.start(true));
    const former = store.current;
    await append(store, 1);
    await waitFor('the copy', async () =>
      /lag=0/.test(String(await former.server.cli('info', 'replication'))),
    );
    expect(await former.server.cli('wait', 1, 5_000)).toBe(1);
    store.holdReplica();
    await append(store, 2);
    await append(store, 3);
    let switchedTo = 0;
    await store.promote((port) => (switchedTo = port));
    expect(store.current.port).toBe(switchedTo);
    expect(store.current).not.toBe(former);
    await append(store, 2, 'n2');
    expect(await room(store)).toEqual({
      entries: 'm1 -m2 -m3 n2',
      restarts: [],
      evictions: [],
      holes: [],
    });
  });
});
