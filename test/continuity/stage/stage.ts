import { setTimeout as delay } from 'node:timers/promises';
import { isSmall, LARGE_LOG_SIZE, type Plan, SMALL_LOG_SIZE } from '../plan/plan.js';
import type { Membership } from '../verdict/membership.js';
import type { Run } from '../verdict/verify-run.js';
import { type Finished, InstanceProcess } from './instance-process.js';
import type { InstanceOptions } from './protocol.js';
import { Reader } from './reader.js';
import { RedisProxy } from './redis-proxy.js';
import { Refusals } from './refusals.js';
import { Store } from './store.js';

const LOG_TTL_MS = 300_000;
const REHOME_MS = 20;

/** One place among the instances: the process there may change, the network before it stays. */
export interface Place {
  readonly proxy: RedisProxy;
  instance: InstanceProcess;
  /** How many processes there were. */
  generation: number;
}

export interface StageOptions {
  /** What the instances' processes are given besides. */
  readonly env?: NodeJS.ProcessEnv;
  /** How long repairs may take when the faults are over. Default 80,000. */
  readonly repairDeadlineMs?: number;
}

/** All that takes part in a schedule: Redis, instances behind a network each, and readers. */
export class Stage {
  /** Resolves when everyone has joined. */
  static async set(plan: Plan, eventKey: string, options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(plan, eventKey, await Store.start(plan.replica), options);
    try {
      await Promise.all(Array.from({ length: plan.instances }, (_, at) => stage.#addPlace(at)));
      await Promise.all(plan.readers.map((_, at) => stage.#addReader(at)));
    } catch (error) {
      await stage.dispose();
      throw error;
    }
    return stage;
  }

  readonly plan: Plan;
  readonly eventKey: string;
  readonly store: Store;
  readonly places: Place[] = [];
  readonly readers: Reader[] = [];
  readonly refusals = new Refusals();
  readonly #options: StageOptions;
  readonly #instances: InstanceProcess[] = [];
  /**
   * Readers on their way to an instance: if that is killed meanwhile, they go on to another by
   * themselves.
   */
  readonly #moving = new Set<Reader>();
  #finished: Finished[] = [];

  private constructor(plan: Plan, eventKey: string, store: Store, options: StageOptions) {
    this.plan = plan;
    this.eventKey = eventKey;
    this.store = store;
    this.#options = options;
  }

  startWriting(): void {
    for (const { instance } of this.places) instance.tell({ order: 'write' });
  }

  /**
   * Puts a new process in the place of one that is to be killed; its readers go to the others at
   * once.
   */
  async replaceInstance(at: number, afterMs: number): Promise<void> {
    const place = this.places[at]!;
    const gone = place.instance;
    // Its successor is on its way already.
    if (!gone.alive) return;
    await gone.kill();
    const homeless = this.readers.filter(
      (reader) => reader.instance === gone && !this.#moving.has(reader),
    );
    const moved = Promise.all(homeless.map((reader, i) => this.#rehome(reader, at + i)));
    moved.catch(() => {}); // awaited below
    await delay(afterMs);
    place.instance = await this.#startInstance(at, ++place.generation, place.proxy);
    place.instance.tell({ order: 'write' });
    await moved;
  }

  /** To any instance that lives, and still does when the reader has come. */
  async #rehome(reader: Reader, from: number): Promise<void> {
    this.#moving.add(reader);
    for (let at = from; this.#moving.has(reader); at++) {
      const { instance } = this.places[at % this.places.length]!;
      if (!instance.alive) await delay(REHOME_MS);
      else if (await reader.moveTo(instance)) this.#moving.delete(reader);
    }
  }

  /** Undoes what is still being done to the networks. */
  heal(): void {
    for (const { proxy } of this.places) proxy.heal();
    for (const reader of this.readers) reader.resume();
  }

  /** OutcomeCallbacks the writing; resolves when all that was written has gone to Redis. */
  async finish(): Promise<readonly Finished[]> {
    this.#finished = await Promise.all(this.places.map(({ instance }) => instance.finish()));
    return this.#finished;
  }

  /** All that is known so far; nothing is written any more. */
  async run(): Promise<Run> {
    // First: what members were told is explained by what Redis had done before.
    const memberships = this.readers
      .flatMap((reader) => reader.memberships())
      .map((membership) => this.#withRefusals(membership));
    return {
      chapters: await this.store.chapters(),
      memberships,
      acknowledgements: this.#instances.flatMap(({ acknowledgements }) => acknowledgements),
      emitted: this.#finished.flatMap(({ emitted }) => emitted),
      refused: this.#finished.flatMap(({ refused }) => refused),
      refusesNothing: this.plan.refusesNothing ?? false,
      unsent: this.#finished.reduce((sum, { stats }) => sum + stats.unsent, 0),
      sizeOf: (room) => (isSmall(room) ? SMALL_LOG_SIZE : LARGE_LOG_SIZE),
    };
  }

  async dispose(): Promise<void> {
    this.#moving.clear();
    for (const reader of this.readers) reader.close();
    await Promise.all(this.#instances.map((instance) => instance.dispose()));
    await Promise.all(this.places.map(({ proxy }) => proxy.dispose()));
    await this.store.dispose();
  }

  /** Whoever joined while Redis would not say where the log stood is as one who joined cut off. */
  #withRefusals(membership: Membership): Membership {
    const { askedAt, boundFrom = Infinity, joinedOffline } = membership;
    const isOffline = joinedOffline || this.refusals.wereIn(askedAt, boundFrom);
    return { ...membership, joinedOffline: isOffline };
  }

  async #addPlace(at: number): Promise<void> {
    const proxy = await RedisProxy.start(this.store.current.port);
    const instance = await this.#startInstance(at, 1, proxy);
    this.places[at] = { proxy, instance, generation: 1 };
  }

  async #startInstance(
    at: number,
    generation: number,
    proxy: RedisProxy,
  ): Promise<InstanceProcess> {
    const { seed, rooms, messagesPerSecond, emitsOnly, largestPadding, backplane } = this.plan;
    const options: InstanceOptions = {
      name: `${'abcdefgh'[at]}${generation}`,
      backplane: {
        ...backplane,
        redis: { host: '127.0.0.1', port: proxy.port },
        eventKeys: [this.eventKey],
        history: [
          { rooms: 'small:*', size: SMALL_LOG_SIZE, ttlMs: LOG_TTL_MS },
          { rooms: 'large:*', size: LARGE_LOG_SIZE, ttlMs: LOG_TTL_MS },
        ],
      },
      writer: {
        seed: seed * 100 + at * 10 + generation,
        rooms,
        messagesPerSecond,
        ...(emitsOnly !== undefined && { emitsOnly }),
        ...(largestPadding !== undefined && { largestPadding }),
      },
    };
    const instance = await InstanceProcess.start(options, this.#options.env);
    this.#instances.push(instance);
    return instance;
  }

  async #addReader(at: number): Promise<void> {
    const { instance, rooms } = this.plan.readers[at]!;
    const reader = new Reader(`reader ${at}`);
    this.readers[at] = reader;
    await reader.connect(this.places[instance]!.instance);
    await Promise.all(rooms.map((room) => reader.join(room)));
  }
}
