import { setTimeout as delay } from 'node:timers/promises';
import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { RedisProxy } from '../../continuity/stage/redis-proxy.js';
import { RedisServer } from '../../support/redis-process.js';
import type { LivePlan } from '../plan/live-plan.js';
import { ownRoom } from '../plan/targets.js';
import type { LiveRun, Span } from '../verdict/records.js';
import { LagWatch } from './lag-watch.js';
import { LiveProcess } from './live-process.js';
import { LiveReader } from './live-reader.js';

const REHOME_MS = 20;

/** One place among the instances: the process there may change, the network before it stays. */
export interface LivePlace {
  readonly proxy: RedisProxy;
  process: LiveProcess;
  /** How many processes there were. */
  generation: number;
}

/** All that takes part in a schedule: Redis, instances behind a network each, and clients. */
export class LiveStage {
  /**
   * Resolves when everyone has joined. @param env what the instances' processes are given besides
   */
  static async set(
    plan: LivePlan,
    eventKey: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<LiveStage> {
    const stage = new LiveStage(plan, eventKey, await RedisServer.start(), env);
    try {
      await Promise.all(Array.from({ length: plan.instances }, (_, at) => stage.#addPlace(at)));
      await Promise.all(plan.readers.map((_, at) => stage.#addReader(at)));
    } catch (error) {
      await stage.dispose();
      throw error;
    }
    return stage;
  }

  readonly plan: LivePlan;
  readonly redis: RedisServer;
  readonly places: LivePlace[] = [];
  readonly readers: LiveReader[] = [];
  readonly processes: LiveProcess[] = [];
  readonly spans: Span[] = [];
  readonly #eventKey: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #lags = new LagWatch();
  #isOver = false;
  #knowing: NodeJS.Timeout | undefined;

  private constructor(
    plan: LivePlan,
    eventKey: string,
    redis: RedisServer,
    env: NodeJS.ProcessEnv,
  ) {
    this.plan = plan;
    this.redis = redis;
    this.#eventKey = eventKey;
    this.#env = env;
  }

  startWriting(): void {
    this.#tellConnections();
    for (const { process } of this.places) process.tell({ order: 'write' });
  }

  /**
   * OutcomeCallbacks the process in that place, and puts another there; its readers go elsewhere at
   * once.
   */
  async replace(at: number, how: 'kill' | 'close', afterMs: number): Promise<void> {
    const place = this.places[at]!;
    const gone = place.process;
    // Its successor is on its way already.
    if (!gone.alive) return;
    const ended = gone[how]();
    const homeless = this.readers.filter(({ process }) => process === gone);
    const moved = Promise.all(homeless.map((reader, i) => this.rehome(reader, at + i)));
    await Promise.all([ended, moved]);
    await delay(afterMs);
    if (this.#isOver) return;
    place.process = await this.#start(at, ++place.generation);
    place.process.tell({ order: 'write' });
  }

  /** To that instance, or to the next that lives, and still does when the reader has come. */
  async rehome(reader: LiveReader, from: number): Promise<void> {
    for (let at = from; !this.#isOver; at++) {
      const { process } = this.places[at % this.places.length]!;
      if (!process.alive) {
        await delay(REHOME_MS);
        continue;
      }
      try {
        await reader.moveTo(process);
        if (process.alive) break;
      } catch (error) {
        if (process.alive && !this.#isOver) throw error;
      }
    }
    this.#connectionsChanged();
  }

  /** Undoes what is still being done to the networks. */
  heal(): void {
    for (const { proxy } of this.places) proxy.heal();
  }

  /** OutcomeCallbacks the writing; resolves when nothing is under way that was published. */
  async finish(): Promise<void> {
    await Promise.all(this.places.map(({ process }) => process.finish()));
  }

  /** Asks the instances what they have counted. */
  async count(): Promise<void> {
    await Promise.all(this.places.map(({ process }) => process.count()));
  }

  /** All that is known so far. */
  run(): LiveRun {
    const own = this.#lags.take().map((lag) => lagSpan(lag, 'all'));
    this.spans.push(...own);
    const lags = this.processes.flatMap(({ lags, place }) =>
      lags.map((lag) => lagSpan(lag, [place])),
    );
    return {
      windowMs: this.plan.windowMs,
      lives: this.processes.map(({ life }) => life),
      spans: [...this.spans, ...lags],
      sent: this.processes.flatMap((process) => process.sent()),
      visits: this.readers.flatMap((reader) => reader.visits()),
    };
  }

  async dispose(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#knowing);
    this.#lags.stop();
    for (const reader of this.readers) reader.close();
    await Promise.all(this.processes.map((process) => process.kill()));
    await Promise.all(this.places.map(({ proxy }) => proxy.dispose()));
    await this.redis.stop();
  }

  #connectionsChanged(): void {
    this.#knowing ??= setTimeout(() => {
      this.#knowing = undefined;
      this.#tellConnections();
    }, 100);
  }

  #tellConnections(): void {
    const ids = this.readers.flatMap(({ id }) => id ?? []);
    for (const { process } of this.places) process.tell({ order: 'connections', ids });
  }

  async #addPlace(at: number): Promise<void> {
    const proxy = await RedisProxy.start(this.redis.port);
    const place = { proxy, generation: 1 } as LivePlace;
    this.places[at] = place;
    place.process = await this.#start(at, 1);
  }

  async #start(at: number, generation: number): Promise<LiveProcess> {
    const {
      seed,
      rooms,
      groups,
      readers,
      messagesPerSecond,
      largeOneIn,
      volatilePart,
      windowMs,
      lease,
      crowdedRooms,
    } = this.plan;
    const backplane: RedisBackplaneOptions = {
      liveWindowMs: windowMs,
      lease,
      ...this.plan.backplane,
      redis: { host: '127.0.0.1', port: this.places[at]!.proxy.port },
      eventKeys: [this.#eventKey],
    };
    const process = await LiveProcess.start(
      {
        name: `${'abcdefgh'[at]}${generation}`,
        isFirst: generation === 1,
        backplane,
        crowdedRooms: at === 0 ? crowdedRooms : 0,
        writer: {
          seed: seed * 100 + at * 10 + generation,
          rooms,
          groups,
          users: [...new Set(readers.map(({ user }) => user))],
          messagesPerSecond,
          largeOneIn,
          volatilePart,
        },
      },
      at,
      this.#env,
    );
    this.processes.push(process);
    return process;
  }

  async #addReader(at: number): Promise<void> {
    const { instance, user, rooms } = this.plan.readers[at]!;
    const reader = new LiveReader(`reader ${at}`, user, [ownRoom(at), ...rooms]);
    this.readers[at] = reader;
    reader.onClosed = (process) => void this.rehome(reader, process.place);
    await reader.moveTo(this.places[instance]!.process);
  }
}

function lagSpan({ from, to }: { from: number; to: number }, places: Span['places']): Span {
  return { from, to, places, silent: true, isLag: true };
}
