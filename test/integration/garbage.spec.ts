import { expect, it } from '@jest/globals';
import { decodeEnvelope, encodeEnvelope, EnvelopeKind } from '../../lib/cluster/wire/envelope.js';
import { encodeTarget } from '../../lib/cluster/wire/target-codec.js';
import { EVERYONE } from '../../lib/hub/target.js';
import { mutants } from '../cluster/mutants.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnRedis } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { heapUsed } from './fixtures/heap.js';
import { arrivals } from './fixtures/instance.js';

describeOnRedis('Garbage on the channels', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  /** What one instance would have sent on one of its channels. */
  const valid = encodeEnvelope({
    kind: EnvelopeKind.broadcast,
    origin: '0123456789abcdef',
    sequence: 1,
    binary: false,
    mayRepeat: true,
    volatile: false,
    compress: true,
    target: encodeTarget({ ...EVERYONE, everyone: false, rooms: ['no such room'] }),
    payload: Buffer.from('{"event":"forged","data":1}'),
  });

  it('is dropped and counted, keeps nothing, and says so once', async () => {
    const log = new LogCapture();
    const cluster = track(
      await Cluster.boot(redis, 2, { log, backplane: { commandTimeoutMs: 30_000 } }),
    );
    const peer = track(await cluster.last.connect({ user: 'u', rooms: ['r'] }));
    const channels = await redis.channels(cluster.where.eventKeys[0]!);
    for (const kind of ['all', 'room', 'user', 'instance', 'probe']) {
      expect(channels.join()).toContain(`}:${kind}:`);
    }
    const client = redis.server.client();

    let malformed = 0;
    const flood = async (count: number, seed: number) => {
      let pipeline = client.pipeline();
      let i = 0;
      for (const bytes of mutants(valid, count, seed)) {
        const channel = channels[i++ % channels.length]!;
        const isProbe = channel.includes('probe:');
        if (!isProbe && !decodeEnvelope(bytes)) malformed++;
        pipeline.publish(channel, bytes);
        if (i % 500 > 0) continue;
        await pipeline.exec();
        pipeline = client.pipeline();
      }
      await pipeline.exec();
      // Once more the good message arrives, and all that came before it has been read.
      cluster.first.server.to('r').emit('good', seed);
      const [frames] = await arrivals(cluster.first.server, [peer]);
      expect(frames!.at(-1)).toEqual({ event: 'good', data: seed });
    };

    const counted = () =>
      cluster.instances.map((one) => one.backplane.stats().malformed).reduce((a, b) => a + b);

    for (let seed = 1; seed <= 3; seed++) await flood(10_000, seed);
    const before = heapUsed();
    for (let seed = 4; seed <= 10; seed++) await flood(10_000, seed);
    const grown = heapUsed() - before;

    // The hub's channel counts at both instances.
    expect(counted()).toBeGreaterThan(malformed);
    expect(grown).toBeLessThan(8 * 1024 * 1024);
    const warnings = log.lines.filter((line) => line.startsWith('WARN'));
    const ofGarbage = warnings.filter((line) => line.includes('no envelope of this version'));
    expect(ofGarbage).toHaveLength(2); // one an instance
    expect(warnings).toEqual(ofGarbage);
    expect(log.lines.filter((line) => line.startsWith('ERROR'))).toEqual([]);
    expect(cluster.instances.map((one) => one.backplane.status)).toEqual(['ready', 'ready']);
    expect(peer.ws.closeInfo).toBeUndefined();
  });

  it('cannot be read as a text that would make clients hang up', async () => {
    const cluster = track(await Cluster.boot(redis, 1));
    const peer = track(await cluster.first.connect());
    const channels = await redis.channels(cluster.where.eventKeys[0]!);
    const all = channels.find((channel) => channel.includes('}:all:'))!;
    const forged = (payload: Buffer) =>
      encodeEnvelope({
        ...decodeEnvelope(valid)!,
        mayRepeat: false,
        target: encodeTarget(EVERYONE),
        payload,
      });
    await redis.server.cli('publish', all, forged(Buffer.from([0xc3, 0x28])));
    await redis.server.cli('publish', all, forged(Buffer.from('"well-formed"')));
    expect(await peer.ws.next()).toBe('well-formed');
    expect(cluster.first.backplane.stats()).toMatchObject({ malformed: 1, received: 1 });
  });

  it('with an exception for each byte of a megabyte holds up nobody', async () => {
    const cluster = track(await Cluster.boot(redis, 1));
    const { first } = cluster;
    const arriving = Array.from({ length: 50 }, () => first.connect({ rooms: ['r'] }));
    const peers = (await Promise.all(arriving)).map(track);
    const channels = await redis.channels(cluster.where.eventKeys[0]!);
    const all = channels.find((channel) => channel.includes('}:all:'))!;
    const exceptConnections = Array.from({ length: 200_000 }, (_, i) => i.toString(36));
    const bytes = encodeEnvelope({
      ...decodeEnvelope(valid)!,
      target: encodeTarget({ ...EVERYONE, exceptConnections }),
    });
    await redis.server.cli('publish', all, bytes);
    const [frames] = await arrivals(first.server, peers);
    expect(frames!.length).toBeLessThanOrEqual(1);
  });
});
