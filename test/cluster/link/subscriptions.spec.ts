import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type SubscriptionLink, Subscriptions } from '../../../lib/cluster/link/subscriptions.js';
import { Gate } from '../../support/gate.js';
import { guardProcess } from '../../support/process-guard.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';

/** A link that answers when the test says so. */
class HeldLink implements SubscriptionLink {
  readonly calls: string[] = [];
  readonly gates: Gate[] = [];
  /** Answers by itself. */
  prompt = true;

  subscribe(channels: readonly string[]): Promise<void> {
    return this.ask('+', channels);
  }
  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.ask('-', channels);
  }

  /** What was asked since the last call. */
  taken(): string[] {
    return this.calls.splice(0);
  }

  private ask(sign: string, channels: readonly string[]): Promise<void> {
    this.calls.push(sign + channels.join(','));
    const gate = new Gate();
    if (this.prompt) gate.open();
    else this.gates.push(gate);
    return gate.opened;
  }
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await nextTurn(3);
  return done;
}

describe('subscriptions', () => {
  guardProcess();
  let link: HeldLink;
  let refused: string[];
  let subscriptions: Subscriptions;

  beforeEach(async () => {
    link = new HeldLink();
    refused = [];
    subscriptions = new Subscriptions(link, {
      confirmTimeoutMs: 10_000,
      onRefused: (error) => refused.push(error.message),
    });
    await subscriptions.restore();
  });
  afterEach(() => {
    subscriptions.close();
    // As a link that is closed refuses what it still holds.
    for (const gate of link.gates) gate.fail(new Error('closed'));
  });

  it('of one turn leave as one command, each channel once', async () => {
    await Promise.all(
      ['a', 'b', 'a', 'c'].map((channel) => subscriptions.acquire(channel).confirmed),
    );
    expect(link.taken()).toEqual(['+a,b,c']);
    await subscriptions.acquire('b').confirmed;
    for (const channel of ['a', 'b', 'unknown', 'a']) subscriptions.release(channel);
    await nextTurn(2);
    expect(link.taken()).toEqual(['-a,b']);
    expect(subscriptions.size).toBe(1);
  });

  it('resolve when they are confirmed, for everyone who waits', async () => {
    link.prompt = false;
    const one = subscriptions.acquire('a').confirmed;
    await nextTurn(2);
    const two = subscriptions.acquire('a').confirmed;
    expect(await settled(Promise.race([one, two]))).toBe(false);
    link.gates[0]!.open();
    await Promise.all([one, two]);
    await subscriptions.acquire('a').confirmed;
    expect(link.taken()).toEqual(['+a']);
  });

  it('resolve without a confirmation when the link is given up, and not before', async () => {
    link.prompt = false;
    const waiting = subscriptions.acquire('a').confirmed;
    await nextTurn(2);
    expect(await settled(waiting)).toBe(false);
    subscriptions.suspend();
    await waiting;
  });

  it('tell of a link that confirms nothing for so long, and of none that confirms something', async () => {
    jest.useFakeTimers();
    const told: string[] = [];
    const many = new Subscriptions(link, {
      confirmTimeoutMs: 2_000,
      onRefused: ({ message }) => {
        told.push(message);
        many.suspend();
      },
    });
    try {
      await many.restore();
      link.prompt = false;
      const all = Array.from({ length: 6 * 512 }, (_, i) => many.acquire(`channel ${i}`).confirmed);
      await jest.advanceTimersByTimeAsync(1);
      expect(link.gates).toHaveLength(6);
      for (const gate of link.gates.slice(0, 5)) {
        await jest.advanceTimersByTimeAsync(1_400);
        gate.open();
      }
      expect(told).toEqual([]);
      await jest.advanceTimersByTimeAsync(3_000);
      expect(told).toEqual(['no subscription was confirmed within 2000 ms']);
      await Promise.all(all);
    } finally {
      many.close();
      jest.useRealTimers();
    }
  });

  it('asked for behind many others are not taken for unanswered while those are confirmed', async () => {
    jest.useFakeTimers();
    const told: string[] = [];
    const late = new Subscriptions(link, {
      confirmTimeoutMs: 2_000,
      onRefused: ({ message }) => told.push(message),
    });
    try {
      for (let i = 0; i < 4 * 512; i++) late.acquire(`channel ${i}`);
      link.prompt = false;
      const restored = late.restore();
      const joined = late.acquire('joined meanwhile').confirmed;
      await jest.advanceTimersByTimeAsync(1);
      expect(link.gates).toHaveLength(5);
      for (const gate of link.gates) {
        await jest.advanceTimersByTimeAsync(1_400);
        gate.open();
      }
      await Promise.all([restored, joined]);
      for (let i = 0; i < 4 * 512; i++) late.release(`channel ${i}`);
      const again = late.acquire('joined behind those that leave').confirmed;
      await jest.advanceTimersByTimeAsync(1);
      expect(link.gates).toHaveLength(10);
      for (const gate of link.gates.slice(5)) {
        await jest.advanceTimersByTimeAsync(1_400);
        gate.open();
      }
      await again;
      expect(told).toEqual([]);
    } finally {
      late.close();
      jest.useRealTimers();
    }
  });

  it('that are given up before they left never leave', async () => {
    const waiting = subscriptions.acquire('a').confirmed;
    subscriptions.release('a');
    await waiting;
    await nextTurn(2);
    expect(link.taken()).toEqual([]);
  });

  it('that are taken back before that left stay', async () => {
    await subscriptions.acquire('a').confirmed;
    subscriptions.release('a');
    await subscriptions.acquire('a').confirmed;
    subscriptions.release('a');
    await subscriptions.acquire('a').confirmed;
    await nextTurn(2);
    expect(link.taken()).toEqual(['+a']);
    expect(subscriptions.size).toBe(1);
  });

  it('that are taken back while they wait for their confirmation still wait for it', async () => {
    link.prompt = false;
    subscriptions.acquire('a');
    await nextTurn(2);
    subscriptions.release('a');
    const again = subscriptions.acquire('a').confirmed;
    expect(await settled(again)).toBe(false);
    link.gates[0]!.open();
    await again;
    expect(link.taken()).toEqual(['+a']);
  });

  it('that are taken back after that left, leave again behind it', async () => {
    await subscriptions.acquire('a').confirmed;
    subscriptions.release('a');
    await nextTurn(2);
    await subscriptions.acquire('a').confirmed;
    expect(link.taken()).toEqual(['+a', '-a', '+a']);
  });

  it('take what goes before what comes, in one turn', async () => {
    await subscriptions.acquire('a').confirmed;
    subscriptions.release('a');
    await subscriptions.acquire('b').confirmed;
    expect(link.taken()).toEqual(['+a', '-a', '+b']);
  });

  it('linger for as long as they are told, each from its own release', async () => {
    await Promise.all(['a', 'b', 'c'].map((channel) => subscriptions.acquire(channel).confirmed));
    link.taken();
    const released = performance.now();
    subscriptions.release('a', 60);
    subscriptions.release('b', 60);
    await subscriptions.acquire('b').confirmed;
    await waitFor('a to go', () => link.calls.length > 0);
    expect(performance.now() - released).toBeGreaterThan(55);
    expect(link.taken()).toEqual(['-a']);
    subscriptions.release('b', 30);
    subscriptions.release('c');
    await nextTurn(2);
    expect(link.taken()).toEqual(['-c']);
    await waitFor('b to go', () => link.calls.length > 0);
    expect(link.taken()).toEqual(['-b']);
    expect(subscriptions.size).toBe(0);
  });

  it('that linger begin anew when they are released again', async () => {
    await subscriptions.acquire('a').confirmed;
    link.taken();
    jest.useFakeTimers();
    try {
      subscriptions.release('a', 40);
      jest.advanceTimersByTime(25);
      await subscriptions.acquire('a').confirmed;
      subscriptions.release('a', 40);
      jest.advanceTimersByTime(39);
      expect(subscriptions.size).toBe(1);
      expect(link.taken()).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(subscriptions.size).toBe(0);
      jest.runOnlyPendingTimers();
      expect(link.taken()).toEqual(['-a']);
    } finally {
      // Its timers are the fake ones.
      subscriptions.close();
      jest.useRealTimers();
    }
  });

  it('are not waited for while the link is away, and all asked for when it is back', async () => {
    await Promise.all([
      subscriptions.acquire('kept').confirmed,
      subscriptions.acquire('left').confirmed,
    ]);
    link.prompt = false;
    const waiting = subscriptions.acquire('waiting').confirmed;
    await nextTurn(2);
    link.taken();
    subscriptions.suspend();
    await waiting;
    await subscriptions.acquire('while away').confirmed;
    await subscriptions.acquire('in vain').confirmed;
    subscriptions.release('in vain');
    subscriptions.release('left');
    await nextTurn(2);
    expect(link.taken()).toEqual([]);

    link.prompt = true;
    await subscriptions.restore();
    const [wanted, ...others] = link.taken();
    expect(wanted!.slice(1).split(',').sort()).toEqual(['kept', 'waiting', 'while away']);
    expect(wanted!.startsWith('+')).toBe(true);
    // The connection may have stood: what was given up meanwhile must not be heard for ever.
    expect(others).toEqual(['-left']);
    expect(subscriptions.size).toBe(3);
  });

  it('are restored only when all are confirmed', async () => {
    await subscriptions.acquire('a').confirmed;
    subscriptions.suspend();
    link.prompt = false;
    const restoring = subscriptions.restore();
    expect(await settled(restoring)).toBe(false);
    link.gates.at(-1)!.open();
    await restoring;

    subscriptions.suspend();
    const failing = subscriptions.restore();
    link.gates.at(-1)!.fail(new Error('not now'));
    await expect(failing).rejects.toThrow('not now');
  });

  it('that are refused are reported, unless the link was lost meanwhile', async () => {
    link.prompt = false;
    const waiting = subscriptions.acquire('a').confirmed;
    await nextTurn(2);
    link.gates.at(-1)!.fail(new Error('refused'));
    await waiting;
    expect(refused).toEqual(['refused']);

    subscriptions.acquire('b');
    subscriptions.release('a');
    await nextTurn(2);
    subscriptions.suspend();
    for (const gate of link.gates) gate.fail(new Error('closed'));
    await nextTurn(2);
    expect(refused).toEqual(['refused']);
  });

  it('end with the instance', async () => {
    link.prompt = false;
    const waiting = [subscriptions.acquire('a').confirmed, subscriptions.acquire('b').confirmed];
    subscriptions.release('b', 20);
    subscriptions.close();
    await Promise.all(waiting);
    await nextTurn(2);
    expect(link.taken()).toEqual([]);
    expect(subscriptions.size).toBe(0);
  });
});
