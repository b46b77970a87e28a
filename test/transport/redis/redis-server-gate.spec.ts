import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RedisServerGate } from '../../../lib/transport/redis/redis-server-gate.js';
import type { ServerLook } from '../../../lib/transport/redis/server-look.js';

const MASTER: ServerLook = { kind: 'master', isCluster: false };
const REPLICA: ServerLook = { kind: 'replica', isCluster: false };

describe('The gate before a server', () => {
  let server: ServerLook | undefined;
  let looks: number;
  let told: string[];
  let gate: RedisServerGate;

  beforeEach(() => {
    jest.useFakeTimers();
    server = MASTER;
    looks = 0;
    told = [];
    gate = new RedisServerGate({
      look: () => {
        looks++;
        return server ? Promise.resolve(server) : new Promise<never>(() => {});
      },
      timeoutMs: 1_000,
      opened: () => told.push('opened'),
      shut: (reason) => told.push(reason),
      stillShut: () => told.push('still shut'),
    });
  });

  afterEach(() => {
    gate.lost();
    jest.useRealTimers();
  });

  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  it('opens for a master, and for one that says nothing of itself', async () => {
    for (const kind of ['master', 'unknown'] as const) {
      server = { kind, isCluster: false };
      gate.connected();
      expect(gate.isOpen).toBe(false);
      await gate.settled();
      expect(gate.isOpen).toBe(true);
      expect(gate.reason).toBe(undefined);
    }
    expect(told).toEqual(['opened', 'opened']);
  });

  it('opens for one that does not answer in time', async () => {
    server = undefined;
    gate.connected();
    await pass(900);
    expect(told).toEqual([]);
    await pass(5_000);
    expect(told).toEqual(['opened']);
  });

  it('is shut for a replica, says it once, looks ever more seldom, and opens when it is promoted', async () => {
    server = REPLICA;
    gate.connected();
    await pass(0);
    expect(gate.isOpen).toBe(false);
    expect(gate.reason).toMatch(/is a replica/);
    await pass(10_000);
    expect(looks).toBeGreaterThan(5);
    expect(looks).toBeLessThan(10);
    expect(told.filter((line) => line.includes('is a replica'))).toHaveLength(1);
    expect(told.filter((line) => line === 'still shut')).toHaveLength(looks - 1);
    server = MASTER;
    await pass(2_000);
    expect(told.at(-1)).toBe('opened');
    expect(gate.reason).toBe(undefined);
    const before = looks;
    await pass(60_000);
    expect(looks).toBe(before);
  });

  it.each([
    ['a node of a Cluster', { kind: 'master', isCluster: true, masters: 3 }],
    ['a replica in a Cluster', { kind: 'replica', isCluster: true, masters: 3 }],
    ['a Sentinel', { kind: 'sentinel', isCluster: false }],
  ] as const)('is shut for %s, which no waiting mends', async (_, look) => {
    server = look;
    gate.connected();
    await gate.settled();
    expect(gate.isMisfit).toBe(true);
    expect(gate.isOpen).toBe(false);
    gate.lost();
    expect(gate.isMisfit).toBe(false);
  });

  it.each([
    [1, 1],
    [undefined, 1],
    [0, 0],
  ])(
    'opens for a server in cluster mode with %s masters, with %s warnings',
    async (masters, count) => {
      server = { kind: 'master', isCluster: true, ...(masters === undefined ? {} : { masters }) };
      gate.connected();
      await gate.settled();
      expect(gate.isOpen).toBe(true);
      expect(gate.warnings).toHaveLength(count);
    },
  );

  it('forgets what it saw when the connection is lost, and does not look again', async () => {
    server = REPLICA;
    gate.connected();
    await gate.settled();
    gate.lost();
    expect(gate.reason).toBe(undefined);
    const before = looks;
    await pass(60_000);
    expect(looks).toBe(before);
    server = MASTER;
    gate.connected();
    gate.lost();
    await pass(5_000);
    expect(gate.isOpen).toBe(false);
    expect(told).not.toContain('opened');
  });
});
