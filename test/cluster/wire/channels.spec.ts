import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import { anyName } from '../arbitraries.js';

/** What a channel stands for, as distinct channels must for distinct ones. */
interface Meaning {
  key: string;
  kind: 'all' | 'room' | 'user' | 'instance' | 'probe';
  hub: string;
  name: string;
}

const anyMeaning: fc.Arbitrary<Meaning> = fc.record({
  key: anyName,
  kind: fc.constantFrom('all', 'room', 'user', 'instance', 'probe'),
  hub: anyName,
  name: anyName,
});

function channelOf({ key, kind, hub, name }: Meaning): string {
  const channels = new ChannelNames([key]);
  if (kind === 'all') return channels.all(hub);
  if (kind === 'probe') return channels.probe(name);
  return channels[kind](hub, name);
}

/** Without the parts that its kind does not have. */
function essence({ key, kind, hub, name }: Meaning): string {
  return JSON.stringify([key, kind, kind === 'probe' || hub, kind === 'all' || name]);
}

describe('the names of channels', () => {
  it('never collide, whatever hubs, rooms and keys are called', () => {
    fc.assert(
      fc.property(anyMeaning, anyMeaning, (one, other) => {
        return (channelOf(one) === channelOf(other)) === (essence(one) === essence(other));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never collide where the parts are put together otherwise', () => {
    const parts = ['a', ':', '{', '}', '%', '%3A', '%253A', 'room', ':a', 'a:', 'room:a'];
    const seen = new Map<string, string>();
    const forged: string[] = [];
    for (const key of parts)
      for (const kind of ['all', 'room', 'user', 'instance', 'probe'] as const)
        for (const hub of parts)
          for (const name of parts) {
            const meaning = { key, kind, hub, name };
            const channel = channelOf(meaning);
            const other = seen.get(channel) ?? essence(meaning);
            if (other !== essence(meaning)) forged.push(`${other} as ${essence(meaning)}`);
            seen.set(channel, essence(meaning));
          }
    expect(forged).toEqual([]);
    expect(seen.size).toBeGreaterThan(1_000);
  });

  it('are these', () => {
    const names = new ChannelNames(['signalr.key']);
    expect([
      names.all('/chat'),
      names.room('8081/chat', 'a:{b}'),
      names.user('/', 'ann'),
      names.instance('a:b', 'i'),
      names.probe('i'),
    ]).toEqual([
      '{signalr.key}:all:/chat',
      '{signalr.key}:room:8081/chat:a:{b}',
      '{signalr.key}:user:/:ann',
      '{signalr.key}:instance:a%3Ab:i',
      '{signalr.key}:probe::i',
    ]);
  });

  it('have the event key for their hash tag, whatever is in it', () => {
    fc.assert(
      fc.property(anyMeaning, (meaning) => {
        const channel = channelOf(meaning);
        const open = channel.indexOf('{');
        // As Redis Cluster finds it: from the first brace to the first that closes, and not empty.
        const tag = channel.slice(open + 1, channel.indexOf('}', open));
        expect(open).toBe(0);
        expect(tag).not.toBe('');
        expect(channelOf({ ...meaning, name: 'other', hub: 'other' })).toContain(`{${tag}}:`);
      }),
    );
  });

  describe('of several event keys', () => {
    const keys = ['k1', 'k2', 'k3', 'k4'];
    const rooms = Array.from({ length: 4_000 }, (_, i) => `room ${i}`);

    it('are the same on each instance, however it lists its keys', () => {
      const one = new ChannelNames(keys);
      for (const listed of [keys.toReversed(), [...keys, 'k1'], ['k3', 'k1', 'k4', 'k2']]) {
        const other = new ChannelNames(listed);
        for (const room of rooms.slice(0, 200)) {
          expect(other.room('/', room)).toBe(one.room('/', room));
          expect(other.user('/', room)).toBe(one.user('/', room));
        }
        expect(other.all('/')).toBe(one.all('/'));
      }
    });

    it('spread evenly, and not by chance', () => {
      const names = new ChannelNames(keys);
      const counts = new Map<string, number>();
      for (const room of rooms) {
        const key = names.room('/', room).slice(0, 4);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      expect([...counts.keys()].sort()).toEqual(['{k1}', '{k2}', '{k3}', '{k4}']);
      for (const count of counts.values()) {
        expect(count).toBeGreaterThan(850);
        expect(count).toBeLessThan(1_150);
      }
    });

    it('stay under the same key in every release', () => {
      // Instances of two releases run side by side while one is rolled out.
      const names = new ChannelNames(keys);
      const pinned = ['lobby', 'orders', 'a', 'b', '🚀', 'a:b', '{x}', 'room 7'].map((room) =>
        names.room('/chat', room).slice(1, 3),
      );
      expect(pinned.join()).toBe('k2,k3,k3,k4,k3,k3,k4,k2');
    });
  });
});
