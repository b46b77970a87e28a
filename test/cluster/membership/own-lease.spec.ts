import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OwnLease } from '../../../lib/cluster/membership/own-lease.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { BackplaneRefusedError } from '../../../lib/errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../../lib/errors/backplane-unavailable.error.js';
import type { LeaseList } from '../../../lib/transport/transport.js';
import { FakeLogger } from '../fake-logger.js';

const TTL_MS = 10_000;
const OOM = new BackplaneRefusedError("Redis refused to renew this instance's lease: OOM no more.");

describe("An instance's own lease", () => {
  let log: FakeLogger;
  let lease: OwnLease;
  let id: string;
  let changes: number;
  /** What Redis has, and what it says. */
  let held: Set<string>;
  let refuses: Error | undefined;
  /** Redis stands still until this resolves. */
  let answers: Promise<void> | undefined;

  beforeEach(() => {
    jest.useFakeTimers();
    log = new FakeLogger();
    id = 'a';
    changes = 0;
    held = new Set();
    refuses = undefined;
    answers = undefined;
    const list = (): LeaseList => ({
      leases: [...held].map((one) => ({ id: one, value: '{}', remainingMs: TTL_MS })),
      departed: [],
    });
    lease = new OwnLease({
      leases: {
        claim: async (_, one) => {
          if (refuses) throw refuses;
          held.add(one);
          return list();
        },
        renew: async (_, one) => {
          if (refuses) throw refuses;
          await answers;
          return held.has(one) ? list() : undefined;
        },
        drop: async () => {},
        list: async () => list(),
      },
      key: 'leases',
      ttlMs: TTL_MS,
      logger: log,
      log: new ThrottledLog(log),
      changeIdentity: async () => {
        changes++;
        id = 'b';
      },
      inTime: (call) => call,
    });
  });
  afterEach(() => void jest.useRealTimers());

  const keep = async (): Promise<boolean> => {
    try {
      await lease.keep(
        () => id,
        () => '{}',
      );
      return true;
    } catch (error) {
      lease.failed(error as Error);
      return false;
    }
  };
  const pass = (ms: number) => jest.advanceTimersByTime(ms);
  const state = () => ({ stale: lease.isStale, complete: lease.isComplete });
  const BELIEVED = { stale: false, complete: true };
  const AWAITING = { stale: false, complete: false };
  const DOUBTED = { stale: true, complete: false };

  it('is the measure of the lists from its first time on', async () => {
    expect([state(), lease.ageMs]).toEqual([DOUBTED, undefined]);
    expect(await keep()).toBe(true);
    expect(state()).toEqual(BELIEVED);
    pass(3_000);
    expect(lease.ageMs).toBe(3_000);
    expect(await keep()).toBe(true);
    expect([lease.ageMs, state(), changes, log.lines]).toEqual([0, BELIEVED, 0, []]);
  });

  it('that was never held is a failure at once, in the words of Redis', async () => {
    expect(lease.failure?.message).toMatch(/its lease is not in Redis/);
    refuses = OOM;
    expect(await keep()).toBe(false);
    expect(lease.failure).toBeInstanceOf(BackplaneUnavailableError);
    expect(lease.failure?.message).toMatch(/: OOM no more\. Ask again/);
  });

  it('that is refused is doubt at once, a failure after three ttls, and logged once a minute', async () => {
    await keep();
    refuses = OOM;
    for (let i = 0; i < 10; i++) {
      pass(3_000);
      expect(await keep()).toBe(false);
      expect(state()).toEqual(DOUBTED);
      expect(lease.failure).toBeUndefined();
    }
    expect(log.lines).toEqual([expect.stringMatching(/^warn Redis refused .* OOM no more\. /)]);
    pass(1);
    expect(lease.failure?.message).toMatch(/OOM no more/);
    pass(40_000);
    await keep();
    expect(log.lines).toHaveLength(2);
  });

  it('that is kept again says so, keeps its id, and proves nobody lost for a full ttl', async () => {
    await keep();
    refuses = OOM;
    for (let i = 0; i < 5; i++) {
      pass(3_000);
      await keep();
    }
    held.clear();
    refuses = undefined;
    expect(await keep()).toBe(true);
    expect(log.lines.at(-1)).toBe("log This instance's lease is kept again, after 12.0 s.");
    expect([id, changes, lease.failure]).toEqual(['a', 0, undefined]);
    for (let i = 0; i < 3; i++) {
      expect(state()).toEqual(AWAITING);
      pass(3_000);
      await keep();
    }
    pass(1_000);
    expect(state()).toEqual(BELIEVED);
    expect(log.lines.join()).not.toContain('event loop');
  });

  it('begins to wait again with each refusal', async () => {
    await keep();
    for (let i = 0; i < 5; i++) {
      refuses = OOM;
      pass(8_000);
      await keep();
      refuses = undefined;
      await keep();
      expect(state()).toEqual(AWAITING);
    }
  });

  it('that was out of reach for a moment only doubts nobody', async () => {
    await keep();
    pass(3_000);
    lease.linkLost();
    pass(1_000);
    await keep();
    expect(state()).toEqual(BELIEVED);
  });

  it('that was out of reach for longer waits for the others, and keeps its id', async () => {
    await keep();
    lease.linkLost();
    pass(2 * TTL_MS);
    held.clear();
    await keep();
    expect([state(), id, log.lines]).toEqual([AWAITING, 'a', []]);
  });

  it('that Redis lost before its time is claimed under the same id, and Redis is named', async () => {
    await keep();
    pass(3_000);
    held.clear();
    await keep();
    expect([state(), id]).toEqual([AWAITING, 'a']);
    expect(log.lines).toEqual([expect.stringMatching(/^warn Redis lost this instance's lease/)]);
  });

  it('that lapsed while Redis stood still keeps its id: its renewal was asked for in time', async () => {
    await keep();
    let answer = (): void => {};
    answers = new Promise((resolve) => (answer = resolve));
    pass(TTL_MS / 2);
    const kept = keep();
    pass(TTL_MS);
    held.clear();
    answer();
    expect(await kept).toBe(true);
    expect([state(), id, changes, log.lines]).toEqual([AWAITING, 'a', 0, []]);
  });

  it('that lapsed while nothing else was wrong is the fault of this process: it takes another id', async () => {
    await keep();
    pass(TTL_MS);
    held.clear();
    await keep();
    expect([state(), id, changes, [...held]]).toEqual([BELIEVED, 'b', 1, ['b']]);
  });

  it('that is not in a list makes that list doubtful, until it is kept or seen again', async () => {
    await keep();
    lease.look({ leases: [], departed: [] }, id);
    expect([state(), lease.isInTrouble]).toEqual([DOUBTED, false]);
    lease.look({ leases: [{ id, value: '', remainingMs: 1 }], departed: [] }, id);
    expect(state()).toEqual(BELIEVED);
    lease.look({ leases: [], departed: [] }, id);
    await keep();
    expect(state()).toEqual(BELIEVED);
    lease.lookFailed(OOM);
    expect(state()).toEqual(DOUBTED);
  });

  it('tells of no answer only when that happens again: the link may be about to say it', async () => {
    await keep();
    refuses = new BackplaneUnavailableError('Redis did not say.');
    await keep();
    expect([state(), log.lines]).toEqual([DOUBTED, []]);
    await keep();
    expect(log.lines).toEqual([expect.stringMatching(/^warn Redis did not say\. /)]);
  });
});
