import type { LeaseOptions, RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { ROLES } from '../../continuity/stage/redis-proxy.js';
import { Random } from '../../support/random.js';
import type { Action, LiveFault, Outage } from './live-fault.js';
import { MUTED } from './targets.js';

export interface LivePlanOptions {
  readonly seed: number;
  /** How long faults are made. */
  readonly seconds: number;
  /** Default 5. */
  readonly instances?: number;
  /**
   * No fault lasts longer than the window, and each time all is given time to come back. Default:
   * the seed decides.
   */
  readonly gentle?: boolean;
  /** Whether anything breaks at all. Default true. */
  readonly outages?: boolean;
  /** Whether there are bursts among the messages. Default: the seed decides. */
  readonly bursts?: boolean;
}

/** A schedule: all of it follows from the options. */
export interface LivePlan {
  readonly seed: number;
  readonly seconds: number;
  readonly instances: number;
  readonly windowMs: number;
  readonly lease: LeaseOptions;
  readonly readers: readonly LivePlannedReader[];
  readonly rooms: readonly string[];
  /** Rooms that one message goes to together. */
  readonly groups: readonly (readonly string[])[];
  readonly messagesPerSecond: number;
  /** One message in so many has 200 kB; 0: none. */
  readonly largeOneIn: number;
  /** Which part of what is emitted is volatile. */
  readonly volatilePart: number;
  /**
   * In so many more rooms is a client of the first instance: all of their channels have to come
   * back after an outage.
   */
  readonly crowdedRooms: number;
  /** What the instances are given besides. */
  readonly backplane?: RedisBackplaneOptions;
  /** In the order of their times. */
  readonly faults: readonly LiveFault[];
}

export interface LivePlannedReader {
  readonly instance: number;
  readonly user: string;
  readonly rooms: readonly string[];
}

const INSTANCES = 5;
const ROOMS = 24;
const READERS_PER_INSTANCE = 4;
const USERS = 8;
/** More rooms than a message has copies: it goes by the channel of the whole hub. */
const LARGE_GROUP = 20;
const BURST = 5_000;
/**
 * A larger burst is more than such a buffer lets a client leave unread: its readers would count as
 * slow.
 */
const BURST_INTO_SMALL_BUFFERS = 500;
/** As long as a block that lasts longer than it is still within the window. */
const SHORT_LEASE: LeaseOptions = { ttlMs: 2_500, renewEveryMs: 800 };
const LONG_LEASE: LeaseOptions = { ttlMs: 10_000, renewEveryMs: 3_000 };
/** Apart from all else that a seed decides. */
const ACTIONS_SEED = 0xac7;
const VOLATILE_SEED = 0x701;
const STRESS_SEED = 0x57e55;
const CROWDED_ROOMS = 50_000;
/** Room for one large message, and no second one. */
const SMALL_BUFFER_BYTES = 256 * 1024;

export function livePlanOf(options: LivePlanOptions): LivePlan {
  const random = new Random(options.seed);
  const windowMs = random.between(3_000, 5_000);
  const isGentle = random.chance(0.5);
  const stage = stageOf(options, random, windowMs);
  const maker = new OutageMaker(random, stage, options.gentle ?? isGentle);
  const outages = (options.outages ?? true) ? blockedSometimes(maker.make(), options.seed) : [];
  const actions = actionsOf(stage, new Random(options.seed ^ ACTIONS_SEED), options.bursts);
  const faults = [...outages, ...actions].sort((a, b) => a.atMs - b.atMs);
  return { ...stage, faults };
}

type BareStage = Omit<LivePlan, 'faults'>;

function stageOf(options: LivePlanOptions, random: Random, windowMs: number): BareStage {
  const { seed, seconds, instances = INSTANCES } = options;
  const rooms = Array.from({ length: ROOMS }, (_, i) => `r${i}`);
  const groups = [2, 3, 5, LARGE_GROUP].map((size) => random.sample(rooms, size));
  const readers = Array.from({ length: instances * READERS_PER_INSTANCE }, (_, i) => ({
    instance: i % instances,
    user: `u${i % USERS}`,
    rooms: [...(random.chance(0.3) ? [MUTED] : []), ...random.sample(rooms, random.between(3, 8))],
  }));
  return {
    seed,
    seconds,
    instances,
    windowMs,
    lease: random.chance(0.5) ? SHORT_LEASE : LONG_LEASE,
    rooms,
    groups,
    readers,
    messagesPerSecond: random.between(15, 50),
    largeOneIn: random.chance(0.4) ? random.between(80, 200) : 0,
    volatilePart: new Random(seed ^ VOLATILE_SEED).chance(0.5) ? 0.1 : 0,
    ...stressOf(seed),
  };
}

/** Apart from the rest, so that older seeds have the plans that they had. */
function stressOf(seed: number): Pick<LivePlan, 'crowdedRooms' | 'backplane'> {
  const random = new Random(seed ^ STRESS_SEED);
  const crowdedRooms = random.chance(0.06) ? CROWDED_ROOMS : 0;
  return random.chance(0.25)
    ? { crowdedRooms, backplane: { bufferLimitBytes: SMALL_BUFFER_BYTES } }
    : { crowdedRooms };
}

/** Some of the times in which Redis stands still, a script holds it up. */
function blockedSometimes(outages: readonly Outage[], seed: number): Outage[] {
  const random = new Random(seed ^ ~STRESS_SEED);
  return outages.map((outage) =>
    outage.kind === 'stop-redis' && random.chance(0.4)
      ? { ...outage, kind: 'block-redis' }
      : outage,
  );
}

/**
 * Outages come in episodes: some faults that overlap, then a while for all to come back. Together
 * they last as long as the window at most, or clearly longer. Some plans have no episodes: there
 * all that happens, happens whenever.
 */
class OutageMaker {
  readonly #random: Random;
  readonly #stage: BareStage;
  readonly #gentle: boolean;

  constructor(random: Random, stage: BareStage, gentle: boolean) {
    this.#random = random;
    this.#stage = stage;
    this.#gentle = gentle;
  }

  make(): Outage[] {
    const random = this.#random;
    const { windowMs } = this.#stage;
    const isRestless = !this.#gentle && random.chance(0.4);
    const endMs = this.#stage.seconds * 1_000;
    const outages: Outage[] = [];
    let atMs = random.between(300, 1_500);
    while (atMs < endMs) {
      const fits = this.#gentle || random.chance(0.6);
      const factor = fits ? 0.15 + 0.75 * random.next() : 1.2 + 0.8 * random.next();
      const lastsMs = Math.round(windowMs * factor);
      if (atMs + lastsMs > endMs) break;
      outages.push(...this.#episode(atMs, lastsMs));
      atMs += lastsMs + (isRestless ? random.between(200, 2_500) : random.between(3_500, 4_500));
    }
    return outages;
  }

  /**
   * At most one of them is of Redis itself: of two, the later would wait for the earlier, and end
   * late.
   */
  #episode(fromMs: number, lastsMs: number): Outage[] {
    const random = this.#random;
    const outages: Outage[] = [];
    let ofRedis = random.chance(0.5);
    for (let count = random.between(1, 4); count > 0; count--) {
      const isFirst = outages.length === 0;
      const atMs = isFirst ? fromMs : fromMs + random.between(0, Math.round(lastsMs * 0.8));
      const mostMs = fromMs + lastsMs - atMs;
      const forMs = isFirst && count === 1 ? mostMs : random.between(mostMs >> 2, mostMs);
      outages.push(ofRedis ? this.#ofRedis(atMs, forMs) : this.#ofInstance(atMs, forMs));
      ofRedis = false;
    }
    return outages;
  }

  #ofRedis(atMs: number, forMs: number): Outage {
    const random = this.#random;
    if (random.chance(0.2))
      return { kind: 'kill-clients', atMs, type: random.pick(['pubsub', 'normal'] as const) };
    return { kind: random.chance(0.55) ? 'kill-redis' : 'stop-redis', atMs, forMs };
  }

  #ofInstance(atMs: number, forMs: number): Outage {
    const random = this.#random;
    const instance = random.between(0, this.#stage.instances - 1);
    const roles = random.pick([...ROLES.map((role) => [role]), ROLES]);
    const chance = random.next();
    if (chance < 0.15) return { kind: 'cut', atMs, forMs: 0, instance, roles };
    if (chance < 0.5) return { kind: 'cut', atMs, forMs, instance, roles };
    if (chance < 0.75) return { kind: 'stall', atMs, forMs, instance, roles };
    if (chance < 0.87) return { kind: 'block-instance', atMs, forMs, instance };
    const kind = random.chance(0.6) ? 'restart-instance' : 'kill-instance';
    return { kind, atMs, forMs: Math.min(forMs, 1_000), instance };
  }
}

function actionsOf(stage: BareStage, random: Random, bursts: boolean | undefined): Action[] {
  const endMs = stage.seconds * 1_000;
  const isBursting = random.chance(0.5);
  const place = () => random.between(0, stage.instances - 1);
  const reader = () => random.between(0, stage.readers.length - 1);
  const actions: Action[] = [];
  for (let atMs = 300; atMs < endMs; atMs += random.between(60, 600)) {
    const chance = random.next();
    if (chance < 0.45)
      actions.push({
        kind: 'change-room',
        atMs,
        reader: reader(),
        to: random.pick([MUTED, ...stage.rooms]),
      });
    else if (chance < 0.6)
      actions.push({ kind: 'reconnect', atMs, reader: reader(), instance: place() });
    else if (chance < 0.8)
      actions.push({ kind: 'kick', atMs, reader: reader(), instance: place() });
    else actions.push({ kind: 'mark', atMs, room: random.pick(stage.rooms), instance: place() });
  }
  if (!(bursts ?? isBursting)) return actions;
  const messages = stage.backplane ? BURST_INTO_SMALL_BUFFERS : BURST;
  for (let count = Math.ceil(stage.seconds / 12); count > 0; count--) {
    const atMs = random.between(500, endMs);
    const name = random.chance(0.7)
      ? `room:${random.pick(stage.rooms)}`
      : `rooms:${stage.groups[1]!.join(',')}`;
    actions.push({ kind: 'burst', atMs, instance: place(), messages, target: name });
  }
  return actions;
}
