import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { Random } from '../../support/random.js';
import { ROLES } from '../stage/redis-proxy.js';
import type { Fault, Refusing } from './fault.js';

export interface PlanOptions {
  readonly seed: number;
  /** How long faults are made. */
  readonly seconds: number;
  /** Default: the seed decides. */
  readonly replica?: boolean;
  /** Whether members do not read for long, and are paused. Default: the seed decides. */
  readonly pause?: boolean;
  /** Whether Redis refuses for a while, and forgets its scripts. Default: the seed decides. */
  readonly refusals?: boolean;
  /** Whether there are bursts among the messages. Default: the seed decides. */
  readonly bursts?: boolean;
}

/** A schedule: all of it follows from the options. */
export interface Plan {
  readonly seed: number;
  readonly seconds: number;
  readonly replica: boolean;
  readonly instances: number;
  readonly readers: readonly PlannedReader[];
  readonly rooms: readonly string[];
  readonly messagesPerSecond: number;
  /** All is emitted, nothing published; default: both. */
  readonly emitsOnly?: boolean;
  /** The most that a message is filled up with; default 300 characters. */
  readonly largestPadding?: number;
  /** Nothing is done that could keep a message from its log: none may be refused. */
  readonly refusesNothing?: boolean;
  /** What the instances are given besides. */
  readonly backplane?: Omit<RedisBackplaneOptions, 'redis' | 'eventKeys' | 'history'>;
  /** In the order of their times. */
  readonly faults: readonly Fault[];
}

export interface PlannedReader {
  readonly instance: number;
  readonly rooms: readonly string[];
}

/** The log of a room holds all that one schedule brings, except in these. */
export const SMALL_LOG_SIZE = 20;
export const LARGE_LOG_SIZE = 20_000;

const INSTANCES = 3;
const ROOMS = 50;
const READERS_PER_INSTANCE = 6;
/** One in so many. */
const SMALL_ROOMS = 6;

/** Much to read, so that the system's own buffers, some MiB, are full soon. */
const PAUSING = {
  messagesPerSecond: 20,
  largestPadding: 80_000,
  backplane: { slowClient: 'pause', bufferLimitBytes: 64 * 1024 },
} as const satisfies Partial<Plan>;
const PAUSING_READERS = 3;
/** Apart from all else that a seed decides. */
const PAUSING_SEED = 0x5eed;
const REFUSALS_SEED = 0x0ff;
const BURSTS_SEED = 0xb0057;

/** What a user may lack: whole families, and each command of the scripts by itself. */
const RIGHTS: readonly (readonly string[])[] = [
  ['@scripting'],
  ['eval'],
  ['evalsha'],
  ['@write'],
  ['publish'],
  ['subscribe'],
  ...['xadd', 'hset', 'pexpire', 'pttl', 'set', 'get', 'hmget', 'time', 'xrange', 'zadd'].map(
    (name) => [name],
  ),
  ['set', 'del'],
  ['xadd', 'del'],
];
const BURST = { least: 300, most: 3_000 };
/** Where messages are large. */
const SMALL_BURST = { least: 20, most: 60 };

export function isSmall(room: string): boolean {
  return room.startsWith('small:');
}

export function roomNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    i % SMALL_ROOMS === 3 ? `small:${i}` : `large:${i}`,
  );
}

export function planOf(options: PlanOptions): Plan {
  const plan = commonPlanOf(options);
  const random = new Random(options.seed ^ PAUSING_SEED);
  const isPausing = random.chance(0.25);
  const paused = (options.pause ?? isPausing) ? pausing(plan, random) : plan;
  return bursting(refusing(paused, options), options);
}

function refusing(plan: Plan, { seed, refusals }: PlanOptions): Plan {
  const random = new Random(seed ^ REFUSALS_SEED);
  const isRefusing = random.chance(0.4);
  if (!(refusals ?? isRefusing)) return plan;
  return withFaults(
    plan,
    (atMs) => {
      const forMs = random.between(100, 3_000);
      if (random.chance(0.25)) return { kind: 'forget-scripts', atMs, forMs };
      const refused: Refusing = random.chance(0.5)
        ? { how: 'no-right', rights: random.pick(RIGHTS) }
        : { how: random.pick(['no-memory', 'read-only', 'no-replicas'] as const) };
      return { kind: 'refuse', ...refused, atMs, forMs };
    },
    () => random.between(800, 4_000),
  );
}

function bursting(plan: Plan, { seed, bursts }: PlanOptions): Plan {
  const random = new Random(seed ^ BURSTS_SEED);
  const isBursting = random.chance(0.4);
  if (!(bursts ?? isBursting)) return plan;
  const { least, most } = plan.largestPadding === undefined ? BURST : SMALL_BURST;
  return withFaults(
    plan,
    (atMs) => {
      const instance = random.between(0, plan.instances - 1);
      return { kind: 'burst', instance, messages: random.between(least, most), atMs };
    },
    () => random.between(1_000, 5_000),
  );
}

/** With a lane more: faults that follow each other, with gaps in between. */
function withFaults(plan: Plan, make: (atMs: number) => Fault, gapMs: () => number): Plan {
  const more: Fault[] = [];
  const endMs = plan.seconds * 1_000;
  for (let atMs = gapMs(); atMs < endMs; atMs += gapMs()) {
    const fault = make(atMs);
    const lastsMs = 'forMs' in fault ? fault.forMs : 0;
    if (atMs + lastsMs > endMs) break;
    more.push(fault);
    atMs += lastsMs;
  }
  return { ...plan, faults: [...plan.faults, ...more].sort((a, b) => a.atMs - b.atMs) };
}

/** The same, with members that do not read for a good part of the time. */
function pausing(plan: Plan, random: Random): Plan {
  const readers = random.sample([...plan.readers.keys()], PAUSING_READERS);
  const slow = readers.map((reader): Fault => {
    const atMs = random.between(300, plan.seconds * 300);
    const forMs = random.between(plan.seconds * 300, plan.seconds * 650);
    return { kind: 'slow-reader', atMs, forMs, reader };
  });
  const faults = [...plan.faults, ...slow].sort((a, b) => a.atMs - b.atMs);
  return { ...plan, ...PAUSING, faults };
}

function commonPlanOf({ seed, seconds, replica }: PlanOptions): Plan {
  const random = new Random(seed);
  const rooms = roomNames(ROOMS);
  const withReplica = random.chance(0.5);
  const plan = {
    seed,
    seconds,
    replica: replica ?? withReplica,
    instances: INSTANCES,
    rooms,
    messagesPerSecond: random.between(20, 80),
    readers: Array.from({ length: INSTANCES * READERS_PER_INSTANCE }, (_, i) => ({
      instance: i % INSTANCES,
      rooms: random.sample(rooms, random.between(5, 20)),
    })),
  };
  const faults = new FaultMaker(random, plan).make();
  return { ...plan, faults: faults.sort((a, b) => a.atMs - b.atMs) };
}

/**
 * Faults come in lanes. In one lane they follow each other, so that none undoes another; lanes
 * overlap freely. Not all lanes are used each time: a quiet stage shows other things than one on
 * which everything breaks.
 */
class FaultMaker {
  readonly #random: Random;
  readonly #plan: Omit<Plan, 'faults'>;
  readonly #faults: Fault[] = [];

  constructor(random: Random, plan: Omit<Plan, 'faults'>) {
    this.#random = random;
    this.#plan = plan;
  }

  make(): Fault[] {
    const random = this.#random;
    this.#redisLane(random.chance(0.6));
    for (let instance = 0; instance < INSTANCES; instance++) {
      if (random.chance(0.6)) this.#lane(800, 4_000, (atMs) => this.#networkFault(atMs, instance));
      if (random.chance(0.35))
        this.#lane(2_000, 9_000, (atMs) => this.#processFault(atMs, instance));
    }
    if (random.chance(0.5)) this.#lane(1_000, 5_000, (atMs) => this.#deletion(atMs));
    this.#lane(300, 1_500, (atMs) => this.#readerFault(atMs));
    return this.#faults;
  }

  /** With a replica, the last of them is its promotion. */
  #redisLane(busy: boolean): void {
    const { replica, seconds } = this.#plan;
    const promotedAt = replica
      ? Math.round(seconds * 1_000 * (0.4 + 0.3 * this.#random.next()))
      : Number.POSITIVE_INFINITY;
    if (busy) {
      this.#lane(1_500, 6_000, (atMs) => this.#redisFault(atMs), promotedAt);
    }
    if (!replica) return;
    const forMs = this.#random.between(0, 1_500);
    this.#faults.push({ kind: 'promote-replica', atMs: promotedAt, forMs });
  }

  #lane(
    minGapMs: number,
    maxGapMs: number,
    make: (atMs: number) => Fault,
    endMs: number = Number.POSITIVE_INFINITY,
  ): void {
    const end = Math.min(endMs, this.#plan.seconds * 1_000);
    let atMs = this.#random.between(300, maxGapMs);
    while (atMs < end) {
      const fault = make(atMs);
      const lastsMs = 'forMs' in fault ? fault.forMs : 0;
      if (atMs + lastsMs > end) return;
      this.#faults.push(fault);
      atMs += lastsMs + this.#random.between(minGapMs, maxGapMs);
    }
  }

  #redisFault(atMs: number): Fault {
    const random = this.#random;
    const chance = random.next();
    if (chance < 0.2) {
      return { kind: 'kill-redis', keeps: true, atMs, forMs: random.between(0, 3_000) };
    }
    if (chance < 0.35) {
      return { kind: 'kill-redis', keeps: false, atMs, forMs: random.between(0, 2_000) };
    }
    if (chance < 0.65) return { kind: 'stop-redis', atMs, forMs: random.between(100, 6_000) };
    return { kind: 'kill-clients', type: random.pick(['pubsub', 'normal'] as const), atMs };
  }

  #networkFault(atMs: number, instance: number): Fault {
    const random = this.#random;
    const roles = random.pick([...ROLES.map((role) => [role]), ROLES]);
    const chance = random.next();
    if (chance < 0.35) {
      const forMs = random.chance(0.5) ? 0 : random.between(50, 4_000);
      return { kind: 'cut', atMs, forMs, instance, roles };
    }
    if (chance < 0.5) {
      const delayMs = random.between(5, 400);
      return { kind: 'delay', atMs, forMs: random.between(500, 3_000), instance, roles, delayMs };
    }
    if (chance < 0.65)
      return { kind: 'stall', atMs, forMs: random.between(200, 6_000), instance, roles };
    const oneIn = random.pick([1, 2, 5, 10, 20, 50]);
    return { kind: 'drop', atMs, forMs: random.between(200, 5_000), instance, oneIn };
  }

  #processFault(atMs: number, instance: number): Fault {
    const random = this.#random;
    return random.chance(0.3)
      ? { kind: 'kill-instance', atMs, forMs: random.between(0, 1_000), instance }
      : { kind: 'block-instance', atMs, forMs: random.between(200, 4_000), instance };
  }

  #deletion(atMs: number): Fault {
    const random = this.#random;
    const kind = random.pick(['delete-stream', 'delete-meta'] as const);
    // Mostly of those that are written to all the time.
    const room = random.pick(this.#plan.rooms.slice(0, random.chance(0.6) ? 10 : ROOMS));
    return { kind, atMs, room };
  }

  #readerFault(atMs: number): Fault {
    const random = this.#random;
    const reader = random.between(0, this.#plan.readers.length - 1);
    return random.chance(0.3)
      ? { kind: 'slow-reader', atMs, forMs: random.between(100, 2_000), reader }
      : { kind: 'change-room', atMs, reader, to: random.pick(this.#plan.rooms) };
  }
}
