import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Loss } from '../../../../lib/cluster/local/connection.js';
import type { LogKey } from '../../../../lib/cluster/history/consuming/log-consumer.js';
import { LogConsumers } from '../../../../lib/cluster/history/consuming/log-consumers.js';
import { newCounters } from '../../../../lib/cluster/common/counters.js';
import { BackplaneRefusedError } from '../../../../lib/errors/backplane-refused.error.js';
import type { Route } from '../../../../lib/cluster/local/route.js';
import type {
  Logs,
  LogRange,
  LogRead,
  LogTop,
  PublishedEntry,
} from '../../../../lib/transport/logs.js';

const RULE = {
  of: 'room',
  matches: () => true,
  durability: undefined,
  size: 100,
  ttlMs: 1_000,
  metaTtlMs: 86_400_000,
} as const;
const ROUTE = {} as Route;
const CONFIRMED = Promise.resolve();

const nameOf = (channel: string): LogKey => ({ channel, kind: 'room', name: channel, rule: RULE });
const tagOf = (offset: number): string => (offset === 0 ? '' : `tag ${offset}`);

function entry(offset: number, epoch = 'e'): PublishedEntry {
  return {
    epoch,
    offset,
    tag: tagOf(offset),
    previousTag: tagOf(offset - 1),
    publishedAtMs: 0,
    bytes: Buffer.from(`${offset}`),
  };
}

/** Logs that all stand at one offset, and note what they are asked. */
class UniformLogs implements Logs {
  offset = 0;
  lineageName = 'one';
  away = false;
  refuses: string | undefined;
  readonly asked: string[] = [];
  readonly append = undefined as never;

  async tops(channels: readonly string[]): Promise<LogTop[]> {
    this.asked.push(channels.length === 1 ? `top ${channels[0]}` : `${channels.length} tops`);
    if (this.away) throw new Error('away');
    if (this.refuses !== undefined && channels.includes(this.refuses))
      throw new BackplaneRefusedError('a key of another type');
    return channels.map(() => this.top);
  }

  async read(channel: string, { from = 1, limit }: LogRange): Promise<LogRead> {
    this.asked.push(`read ${channel} from ${from}`);
    if (this.away) throw new Error('away');
    const count = Math.max(0, Math.min(limit, this.offset - from + 1));
    const entries = Array.from({ length: count }, (_, i) => entry(from + i));
    return { top: this.top, entries };
  }

  async prepare(): Promise<void> {}

  async replicationId(): Promise<string> {
    return this.lineageName;
  }

  get top(): LogTop {
    return { epoch: 'e', offset: this.offset, tag: tagOf(this.offset) };
  }
}

describe('the logs that an instance follows', () => {
  let logs: UniformLogs;
  let followed: LogConsumers;
  let delivered: string[];
  let losses: Loss[];
  const counters = newCounters();

  const asked = (): string[] => logs.asked.splice(0);
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  const follow = async (...channels: string[]): Promise<void> => {
    for (const channel of channels) void followed.follow(nameOf(channel), ROUTE, CONFIRMED);
    await pass(0);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    logs = new UniformLogs();
    delivered = [];
    losses = [];
    followed = new LogConsumers({
      logs,
      counters,
      follower: {
        deliver: (log, { offset }) => void delivered.push(`${log.channel} ${offset}`),
        lost: (_, loss) => void losses.push(loss),
        repaired: () => {},
      },
    });
  });

  afterEach(() => {
    followed.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('begin at the top, and resolve when they are there', async () => {
    logs.offset = 7;
    void followed.open();
    await pass(200);
    const placed = jest.fn();
    void followed.follow(nameOf('a'), ROUTE, CONFIRMED).then(placed);
    followed.arrive('a', entry(8));
    expect(placed).not.toHaveBeenCalled();
    await pass(0);
    expect(placed).toHaveBeenCalled();
    expect(delivered).toEqual(['a 8']);
    expect(asked()).toEqual(['top a']);
  });

  it('wait for no place while the link is away, and find it when it is back', async () => {
    const placed = jest.fn();
    void followed.follow(nameOf('a'), ROUTE, CONFIRMED).then(placed);
    await pass(0);
    expect(placed).toHaveBeenCalled();
    expect(asked()).toEqual([]);
    void followed.open();
    await pass(200);
    expect(asked()).toEqual(['top a']);
  });

  it('say that what came since a join is not known, where the join could not wait', async () => {
    logs.offset = 3;
    await follow('a');
    void followed.open();
    await follow('b');
    await pass(200);
    expect(losses).toEqual([
      { reason: 'joined-offline', last: { epoch: 'e', offset: 0, tag: '' }, top: logs.top },
    ]);
    followed.arrive('a', entry(4));
    followed.arrive('b', entry(4));
    expect(delivered).toEqual(['a 4', 'b 4']);
  });

  it('say so of a log that has nothing, too: what it had may have been deleted', async () => {
    await follow('a');
    void followed.open();
    await pass(200);
    expect(losses).toEqual([expect.objectContaining({ reason: 'joined-offline', top: logs.top })]);
    expect(logs.top.offset).toBe(0);
  });

  it('say so, too, where who comes second cannot wait for a channel that is not confirmed yet', async () => {
    logs.offset = 3;
    let confirm!: () => void;
    const confirmed = new Promise<void>((resolve) => (confirm = resolve));
    void followed.follow(nameOf('a'), ROUTE, confirmed);
    await followed.follow(nameOf('a'), ROUTE, CONFIRMED);
    let opened = false;
    void followed.open().then(() => (opened = true));
    await pass(300);
    // What waits to be sent is not sent before the log is at its place.
    expect(opened).toBe(false);
    confirm();
    await pass(0);
    expect(opened).toBe(true);
    expect(losses).toEqual([expect.objectContaining({ reason: 'joined-offline' })]);
  });

  it('are asked for again by who comes after one that was refused its place', async () => {
    void followed.open();
    await pass(200);
    logs.refuses = 'a';
    await follow('a');
    logs.refuses = undefined;
    logs.offset = 3;
    const second = followed.follow(nameOf('a'), ROUTE, CONFIRMED);
    await pass(0);
    await second;
    followed.arrive('a', entry(4));
    expect(delivered).toEqual(['a 4']);
  });

  it('are not compared before their channel is confirmed', async () => {
    let confirm!: () => void;
    const confirmed = new Promise<void>((resolve) => (confirm = resolve));
    void followed.follow(nameOf('a'), ROUTE, confirmed);
    void followed.open();
    await pass(300);
    expect(asked()).toEqual([]);
    confirm();
    await pass(0);
    expect(asked()).toEqual(['top a']);
  });

  it('are all compared when the link is back, in batches', async () => {
    void followed.open();
    await follow(...Array.from({ length: 1_200 }, (_, n) => `${n}`));
    await pass(200);
    asked();
    followed.suspend();
    logs.offset = 1;
    void followed.open();
    await pass(200);
    const tops = asked().filter((question) => question.endsWith('tops'));
    expect(tops).toEqual(['500 tops', '500 tops', '200 tops']);
    expect(delivered).toHaveLength(1_200);
  });

  it('are compared again, ever later, until Redis answers', async () => {
    void followed.open();
    await pass(200);
    logs.away = true;
    void followed.follow(nameOf('a'), ROUTE, CONFIRMED);
    await pass(750);
    expect(asked()).toEqual(['top a', 'top a', 'top a', 'top a']);
    logs.away = false;
    logs.offset = 3;
    await pass(1_000);
    followed.arrive('a', entry(4));
    expect(delivered).toEqual(['a 4']);
  });

  it('are read where an entry is missing, and go on', async () => {
    void followed.open();
    await follow('a');
    await pass(200);
    logs.offset = 3;
    followed.arrive('a', entry(3));
    await pass(0);
    followed.arrive('a', entry(4));
    expect(delivered).toEqual(['a 1', 'a 2', 'a 3', 'a 4']);
    expect(losses).toEqual([]);
  });

  it('are read again, ever later, until Redis answers', async () => {
    void followed.open();
    await follow('a');
    await pass(200);
    asked();
    logs.away = true;
    logs.offset = 3;
    followed.arrive('a', entry(3));
    await pass(400);
    const reads = asked().filter((question) => question.startsWith('read'));
    expect(reads).toHaveLength(4);
    logs.away = false;
    await pass(500);
    expect(delivered).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('are compared when they have been quiet for 1, 5, 15 and then every 60 seconds', async () => {
    void followed.open();
    await follow('a');
    await pass(200);
    asked();
    followed.arrive('a', entry(1));
    logs.offset = 1;
    const at: number[] = [];
    for (let seconds = 0.25; seconds < 240; seconds += 0.25) {
      await pass(250);
      if (asked().includes('top a')) at.push(seconds);
    }
    expect(at.slice(0, 3).map((seconds) => Math.round(seconds))).toEqual([1, 5, 15]);
    const later = at.slice(3).map((seconds, i) => seconds - at[i + 2]!);
    expect(later.length).toBeGreaterThanOrEqual(3);
    for (const seconds of later) {
      expect(seconds).toBeGreaterThanOrEqual(60);
      expect(seconds).toBeLessThanOrEqual(76);
    }
  });

  it('have a quiet that begins anew with what a repair brings', async () => {
    void followed.open();
    await follow('a');
    await pass(20_000);
    asked();
    // What came meanwhile was not heard, and is found when the link is back.
    followed.suspend();
    logs.offset = 1;
    void followed.open();
    await pass(200);
    expect(delivered).toEqual(['a 1']);
    asked();
    logs.offset = 2;
    await pass(1_250);
    expect(delivered).toEqual(['a 1', 'a 2']);
  });

  it('are not compared while they are busy; the last message is found all the same', async () => {
    void followed.open();
    await follow('a');
    await pass(200);
    asked();
    for (let n = 1; n <= 10; n++) {
      followed.arrive('a', entry(n));
      await pass(500);
    }
    expect(asked()).toEqual([]);
    logs.offset = 11;
    await pass(1_000);
    expect(delivered.at(-1)).toBe('a 11');
  });

  it('are compared soon after something was sent to them', async () => {
    void followed.open();
    await follow('a');
    await pass(30_000);
    asked();
    followed.touch('a');
    await pass(1_250);
    expect(asked()).toEqual(['top a']);
  });

  it('are all compared when another Redis has taken over', async () => {
    void followed.open();
    await follow('a', 'b');
    // Just after the first look at who it is, and between two looks at the quiet logs.
    await pass(6_500);
    asked();
    logs.lineageName = 'another';
    await pass(5_000);
    expect(asked()).toContain('2 tops');
  });

  it('may all be left before they are compared', async () => {
    void followed.open();
    await pass(200);
    void followed.follow(nameOf('a'), ROUTE, CONFIRMED);
    await Promise.resolve();
    followed.unfollow('a');
    await pass(300);
    expect(asked()).toEqual([]);
    await follow('b');
    expect(asked()).toEqual(['top b']);
  });

  it('are found at their place while one among them is refused', async () => {
    void followed.open();
    await pass(200);
    const refused = 'b';
    logs.refuses = refused;
    const placed = jest.fn();
    for (const channel of ['a', refused, 'c'])
      void followed.follow(nameOf(channel), ROUTE, CONFIRMED).then(() => placed(channel));
    await pass(0);
    for (const channel of ['a', refused, 'c']) followed.arrive(channel, entry(1));
    expect(delivered).toEqual(['a 1', 'c 1']);
    expect(placed).toHaveBeenCalledTimes(3);
    logs.refuses = undefined;
    logs.offset = 1;
    await pass(1_250);
    followed.arrive(refused, entry(2));
    expect(delivered).toEqual(['a 1', 'c 1', 'b 2']);
  });

  it('are first compared where they never were, and that is waited for when the link is back', async () => {
    void followed.open();
    await follow(...Array.from({ length: 600 }, (_, n) => `${n}`));
    await pass(200);
    followed.suspend();
    await follow('new');
    asked();
    logs.offset = 1;
    const prepared = jest.fn();
    void followed.open().then(prepared);
    expect(prepared).not.toHaveBeenCalled();
    await pass(200);
    expect(prepared).toHaveBeenCalled();
    expect(delivered).not.toContain('new 1');
    followed.arrive('new', entry(2));
    expect(delivered).toContain('new 2');
  });

  it('are not waited for if the link goes away before they are at their place', async () => {
    await follow('new');
    logs.away = true;
    const prepared = jest.fn();
    void followed.open().then(prepared);
    followed.suspend();
    await pass(0);
    expect(prepared).toHaveBeenCalled();
  });

  it('hold nothing while the link is away: all of it is read when it is back', async () => {
    void followed.open();
    await follow('a');
    await pass(200);
    followed.suspend();
    for (let offset = 1; offset <= 3; offset++) followed.arrive('a', entry(offset));
    // What was held would follow, or show that something is missing.
    logs.offset = 2;
    void followed.open();
    await pass(200);
    expect(delivered).toEqual(['a 1', 'a 2']);
    logs.offset = 3;
    followed.arrive('a', entry(3));
    expect(delivered).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('are not followed any more after the end', async () => {
    followed.close();
    await followed.follow(nameOf('a'), ROUTE, CONFIRMED);
    expect(followed.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are left alone once nobody follows them', async () => {
    void followed.open();
    await follow('a', 'b');
    followed.unfollow('a');
    expect(followed.arrive('a', entry(1))).toBe(false);
    await pass(30_000);
    expect(followed.size).toBe(1);
    expect(asked().filter((question) => question === 'top a')).toEqual([]);
  });
});
