import { PassThrough } from 'node:stream';

import { afterEach, describe, expect, it } from '@jest/globals';

import { DEFAULT_MODIFIERS } from '../../../lib/cluster/common/audience-modifiers.js';
import { LivePublisher } from '../../../lib/cluster/broadcast/live-publisher.js';
import { newCounters } from '../../../lib/cluster/common/counters.js';
import { Identity } from '../../../lib/cluster/membership/identity.js';
import type { Link } from '../../../lib/cluster/link/link.js';
import type { LocalHub } from '../../../lib/cluster/local/local-hub.js';
import { LocalHubs } from '../../../lib/cluster/local/local-hubs.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import { Frame } from '../../../lib/hub/frame.js';
import { Hub } from '../../../lib/hub/hub.js';
import { EVERYONE } from '../../../lib/hub/target.js';
import { FlushScheduler } from '../../../lib/hub/flush-scheduler.js';
import { CorkedWrites } from '../../../lib/transport/redis/corked-writes.js';
import type { Transport } from '../../../lib/transport/transport.js';
import type { LiveRooms } from '../../../lib/cluster/live/live-rooms.js';
import { FakeMember } from '../../hub/fake-member.js';
import { FakeLogger } from '../fake-logger.js';

const TO_ROOM = { ...EVERYONE, everyone: false, rooms: ['r'] };

describe('A broadcast', () => {
  const writes = new CorkedWrites();
  const turn = new FlushScheduler(() => writes.release());
  const hub = new Hub<FakeMember>('/', { turn, coalesceMs: 0 });
  afterEach(() => hub.close());

  /** A connection to Redis, as a turn writes to it. */
  function broadcastsOver(redis: PassThrough): LivePublisher {
    const transport = {
      mayRepeat: false,
      publish: async (channel: string) => {
        writes.hold(redis);
        redis.write(channel);
      },
    } as unknown as Transport;
    return new LivePublisher({
      identity: new Identity(),
      transport,
      link: { status: 'ready' } as Link,
      channels: new ChannelNames(['k']),
      hubs: { get: () => hub as unknown as LocalHub } as unknown as LocalHubs,
      counters: newCounters(),
      log: new ThrottledLog(new FakeLogger()),
      commandTimeoutMs: 1_000,
      live: { isOn: false } as LiveRooms,
    });
  }

  it.each([
    { when: 'first in its turn', isFirst: true },
    { when: 'behind something else that its turn writes', isFirst: false },
  ])('is on its way to Redis when the members here are written, $when', async ({ isFirst }) => {
    const order: string[] = [];
    const redis = new PassThrough();
    redis.on('data', () => order.push('to Redis'));
    for (const id of ['1', '2']) {
      const member = new FakeMember(id);
      member.write = () => order.push('to a member');
      hub.add(member);
      hub.join(member, 'r');
    }
    if (!isFirst) turn.begin();
    const sink = broadcastsOver(redis).publisherOf('/');
    sink.emit(TO_ROOM, DEFAULT_MODIFIERS, Frame.text('{}'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(order).toEqual(['to Redis', 'to a member', 'to a member']);
  });
});
