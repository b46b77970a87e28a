import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LiveCursor } from '../../../lib/cluster/live/live-cursor.js';
import { LiveReceiver } from '../../../lib/cluster/live/live-receiver.js';
import { newCounters } from '../../../lib/cluster/common/counters.js';
import type { Route } from '../../../lib/cluster/local/route.js';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import { decodeEnvelope, encodeLive, stampAge } from '../../../lib/cluster/wire/envelope.js';
import type { LivePosition } from '../../../lib/cluster/wire/live-position.js';
import { NO_MESSAGE_BEFORE } from '../../../lib/cluster/wire/live-position.js';
import { encodeTarget } from '../../../lib/cluster/wire/target-codec.js';
import { Hub } from '../../../lib/hub/hub.js';
import { EVERYONE } from '../../../lib/hub/target.js';
import { FlushScheduler } from '../../../lib/hub/flush-scheduler.js';
import { waitFor } from '../../support/wait-for.js';
import { FakeConnection } from '../fake-connection.js';

const LIFE = 'aaaaaaaaaaaaaaaa';
const CHANNELS = new ChannelNames(['k']);

interface Sent {
  readonly positions: readonly LivePosition[];
  readonly ageMs?: number;
  readonly rooms?: readonly string[];
  readonly volatile?: boolean;
  readonly sequence?: number;
}

describe('The receiver of live messages', () => {
  let hub: Hub<FakeConnection>;
  let receiver: LiveReceiver;
  let routes: Map<string, Route>;
  let holes: Set<LiveCursor>;
  let lost: number[];
  let counters: ReturnType<typeof newCounters>;
  let member: FakeConnection;
  let serial = 0;
  let heardAllSince = 0;

  function makeReceiver(windowMs = 1_000): LiveReceiver {
    return new LiveReceiver({
      counters,
      hubs: { heardRoute: (channel) => routes.get(channel) },
      channels: CHANNELS,
      heardAllSince: () => heardAllSince,
      windowMs,
      reachMs: 10_000,
      onHole: (cursor) => holes.add(cursor),
      onWhole: (cursor) => holes.delete(cursor),
      onLost: (_, count) => lost.push(count),
    });
  }

  beforeEach(() => {
    hub = new Hub<FakeConnection>(
      '/',
      { turn: new FlushScheduler(() => {}), coalesceMs: 0 },
      10_000,
    );
    counters = newCounters();
    holes = new Set();
    lost = [];
    heardAllSince = Infinity;
    routes = new Map();
    for (const room of ['r', 's'])
      routes.set(CHANNELS.room('/', room), {
        hub,
        room,
        heardSince: performance.now() - 60_000,
      });
    member = new FakeConnection('1');
    hub.add(member);
    hub.join(member, 'r');
    receiver = makeReceiver();
  });

  afterEach(() => {
    receiver.close();
    hub.close();
  });

  function receive(
    text: string,
    { positions, ageMs = 0, rooms = ['r'], volatile = false, sequence = ++serial }: Sent,
    on = 'r',
  ): boolean {
    const target =
      rooms.length > 1 ? encodeTarget({ ...EVERYONE, everyone: false, rooms }) : Buffer.alloc(0);
    const bytes = encodeLive(
      {
        binary: false,
        mayRepeat: false,
        volatile,
        compress: true,
        target,
        payload: Buffer.from(text),
      },
      LIFE,
      sequence,
      positions,
      !volatile,
    );
    stampAge(bytes, ageMs);
    const channel = CHANNELS.room('/', on);
    return receiver.receive(decodeEnvelope(bytes)!, channel, routes.get(channel)!);
  }

  const at = (
    number: number,
    start = 1,
    sinceMs = number === 1 ? NO_MESSAGE_BEFORE : 0,
  ): LivePosition => ({ start, number, sinceMs });
  const one = (number: number, ageMs = 0, start = 1): boolean =>
    receive(`${start}.${number}`, { positions: [at(number, start)], ageMs });
  const got = (): string[] => {
    hub.flush();
    return member.texts;
  };
  const cursorOf = (room = 'r'): LiveCursor => {
    const channel = CHANNELS.room('/', room);
    return receiver.cursorOf(LIFE, channel, routes.get(channel)!);
  };

  it('delivers what follows, and drops what comes twice', () => {
    for (const number of [1, 2, 2, 3, 1]) one(number);
    expect(got()).toEqual(['1.1', '1.2', '1.3']);
    expect(counters.repeated).toBe(2);
    expect(holes.size).toBe(0);
  });

  it('holds what does not follow until what is missing has come', () => {
    one(1);
    one(3);
    one(4);
    expect(got()).toEqual(['1.1']);
    expect(holes.has(cursorOf())).toBe(true);
    expect(cursorOf().gaps()).toEqual([[2, 2]]);
    expect(receiver.held).toBe(2);
    one(2);
    expect(got()).toEqual(['1.1', '1.2', '1.3', '1.4']);
    expect([holes.size, receiver.held]).toEqual([0, 0]);
  });

  it('goes on without what is given up, and says how many messages that are', () => {
    for (const number of [1, 4, 7]) one(number);
    expect(cursorOf().gaps()).toEqual([
      [2, 3],
      [5, 6],
    ]);
    receiver.giveUp(cursorOf(), 3);
    expect(got()).toEqual(['1.1', '1.4']);
    receiver.giveUp(cursorOf(), 7);
    expect(got()).toEqual(['1.1', '1.4', '1.7']);
    expect(lost).toEqual([2, 2]);
    // It comes after all: those behind it have been delivered.
    one(5);
    expect(got()).toHaveLength(3);
  });

  it('says nothing of what is lost where nobody is there any more', () => {
    for (const number of [1, 3]) one(number);
    hub.leave(member, 'r');
    receiver.giveUp(cursorOf(), 3);
    expect(lost).toEqual([]);
    expect(cursorOf().isWhole).toBe(true);
  });

  it('passes what was not for this instance, and what was taken back', () => {
    for (const number of [1, 5]) one(number);
    receiver.skip(cursorOf(), 3);
    receiver.pass(cursorOf(), 2);
    expect(cursorOf().gaps()).toEqual([[4, 4]]);
    receiver.skip(cursorOf(), 4);
    expect(got()).toEqual(['1.1', '1.5']);
    expect(lost).toEqual([]);
  });

  it('begins with the first message that it hears, where the one before was sent before it listened', () => {
    routes.get(CHANNELS.room('/', 'r'))!.heardSince = performance.now() - 50;
    receive('first', { positions: [at(9, 1, 100)] });
    expect(got()).toEqual(['first']);
    expect(holes.size).toBe(0);
  });

  it('begins with it as well where nothing can have been missed since it listens, however late the message is', () => {
    heardAllSince = -Infinity;
    receive('first', { positions: [at(9, 1, 0)] });
    expect(got()).toEqual(['first']);
    expect(holes.size).toBe(0);
  });

  it('misses what was sent since it listened', () => {
    receive('ninth', { positions: [at(9, 1, 100)] });
    expect(got()).toEqual([]);
    expect(cursorOf().gaps()).toEqual([[1, 8]]);
  });

  it('follows a new numbering, once what was held of the old one is delivered', () => {
    for (const number of [1, 3]) one(number);
    one(1, 0, 7);
    expect(got()).toEqual(['1.1', '1.3', '7.1']);
    expect(lost).toEqual([1]);
    one(4);
    expect(got()).toHaveLength(3);
  });

  describe('of a message to several rooms', () => {
    const both = (text: string, r: number, s: number, sequence: number, on: string): boolean =>
      receive(text, { positions: [at(r), at(s)], rooms: ['r', 's'], sequence }, on);

    it('delivers one of its copies', () => {
      both('x', 1, 1, 50, 'r');
      both('x', 1, 1, 50, 's');
      expect(got()).toEqual(['x']);
    });

    it('waits for what is missing in any of them, and holds up both', () => {
      both('x', 1, 2, 51, 'r');
      both('x', 1, 2, 51, 's');
      one(2);
      expect(got()).toEqual([]);
      receive('s1', { positions: [at(1)] }, 's');
      expect(got()).toEqual(['x', '1.2']);
    });

    it('goes on in one room when nobody is in the other any more', () => {
      both('x', 1, 2, 52, 'r');
      routes.delete(CHANNELS.room('/', 's'));
      receiver.dropEnded();
      expect(got()).toEqual(['x']);
    });

    it('delivers it once to who hears one of the rooms later', () => {
      const route = routes.get(CHANNELS.room('/', 's'))!;
      routes.delete(CHANNELS.room('/', 's'));
      both('x', 1, 1, 53, 'r');
      routes.set(CHANNELS.room('/', 's'), { ...route, heardSince: performance.now() });
      both('x', 1, 1, 53, 's');
      expect(got()).toEqual(['x']);
    });
  });

  describe('of a volatile message', () => {
    const volatile = (text: string, behind: number): boolean =>
      receive(text, { positions: [at(behind)], volatile: true });

    it('delivers it behind what was sent before, and without a number', () => {
      one(1);
      volatile('v', 1);
      one(2);
      expect(got()).toEqual(['1.1', 'v', '1.2']);
    });

    it('drops it where that is missing, and learns from it what is', () => {
      one(1);
      volatile('v', 2);
      expect(got()).toEqual(['1.1']);
      expect(cursorOf().gaps()).toEqual([[2, 2]]);
      one(2);
      expect(got()).toEqual(['1.1', '1.2']);
    });

    it('delivers it once, however many rooms it goes to', () => {
      const sent = {
        positions: [at(0, 0), at(0, 0)],
        rooms: ['r', 's'],
        volatile: true,
        sequence: 60,
      };
      receive('v', sent, 'r');
      receive('v', sent, 's');
      expect(got()).toEqual(['v']);
    });
  });

  describe('of a late message', () => {
    it('leaves out who joined since', () => {
      const late = new FakeConnection('2');
      hub.add(late);
      hub.join(late, 'r');
      one(1, 5_000);
      one(2);
      // Both have joined within these five seconds.
      expect(got()).toEqual(['1.2']);
      expect(late.texts).toEqual(['1.2']);
    });

    it('waits until clients have read', async () => {
      hub.leave(member, 'r');
      const slow = new FakeConnection('3');
      hub.add(slow);
      hub.join(slow, 'r');
      await new Promise((resolve) => setTimeout(resolve, 5));
      slow.headroomBytes = 10;
      for (const number of [1, 2, 3, 4])
        receive('x'.repeat(9), { positions: [at(number)], ageMs: 2 });
      hub.flush();
      expect(slow.written).toHaveLength(2);
      slow.headroomBytes = 0;
      await new Promise((resolve) => setTimeout(resolve, 30));
      hub.flush();
      expect(slow.written).toHaveLength(2);
      slow.headroomBytes = 1_000;
      await waitFor('the rest', () => {
        hub.flush();
        return slow.written.length === 4;
      });
      expect(receiver.held).toBe(0);
    });

    it('goes to several rooms at once, also where it is larger than a step', async () => {
      hub.join(member, 's');
      await new Promise((resolve) => setTimeout(resolve, 5));
      member.headroomBytes = 10;
      receive('x'.repeat(20), { positions: [at(1), at(1)], rooms: ['r', 's'], ageMs: 2 });
      one(2);
      await waitFor('both', () => got().length === 2);
      expect(receiver.held).toBe(0);
    });

    it('does not wait for a client that never reads', async () => {
      receiver.close();
      receiver = makeReceiver(50);
      await new Promise((resolve) => setTimeout(resolve, 5));
      member.headroomBytes = -1;
      one(1, 2);
      expect(got()).toEqual([]);
      await waitFor('the message', () => got().length === 1);
    });
  });

  it('holds nothing where the window is 0', () => {
    receiver.close();
    receiver = makeReceiver(0);
    for (const number of [1, 3, 2, 4]) one(number);
    expect(got()).toEqual(['1.1', '1.3', '1.4']);
    expect([holes.size, lost]).toEqual([0, []]);
  });

  it('refuses a message whose places are not those of its rooms', () => {
    expect(receive('x', { positions: [at(1), at(1)], rooms: ['r'] })).toBe(false);
    expect(receive('x', { positions: [] })).toBe(false);
  });
});
