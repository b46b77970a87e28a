import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Arrived, Counts, Crowd } from '../driver/driver.js';
import type { Latency } from '../common/latencies.js';
import type { Work } from '../driver/work.js';
import { Child } from '../processes/child.js';
import type { LoopDelay } from '../processes/loop-delay.js';
import type { BenchRedis } from '../processes/redis.js';
import type { Memory, Usage } from '../processes/usage.js';
import type { Figures } from '../common/figures.js';
import { PATH, type ServerSettings, type Target } from '../common/target.js';
import { folder } from '../common/folders.js';

/** In a quick run, too: code that is not compiled yet costs twice as much. */
const WARM_UP_MS = 1_000;

/** The processes that a scenario needs. */
export interface TrialSetup {
  readonly name: string;
  readonly instances: number;
  readonly settings?: Partial<ServerSettings>;
}

export interface TrialOptions {
  readonly target: Target;
  readonly scenario: TrialSetup;
  readonly redis: BenchRedis;
  readonly quick: boolean;
  /** Where servers leave their CPU profiles. */
  readonly profiles: string | undefined;
}

/** What happened in a stretch of time under load. */
export interface Measured {
  readonly seconds: number;
  readonly asked: number;
  readonly delivered: number;
  /** Of each instance, in microseconds. */
  readonly serverCpuUs: readonly number[];
  readonly redisCpuUs: number;
  readonly driverCpuUs: number;
  readonly latency: Latency | undefined;
  /** Messages that were due and did not come, over the whole work, and connections that broke. */
  readonly lost: number;
}

interface Snapshot {
  readonly counts: Counts;
  readonly servers: readonly Usage[];
  readonly redis: Usage;
  readonly driver: Usage;
}

/** One target at one scenario's work: fresh server processes, and a driver with all the clients. */
export class Trial {
  readonly quick: boolean;
  readonly #options: TrialOptions;
  readonly #servers: Child[];
  readonly #driver: Child;
  readonly #helpers: Child[] = [];

  static async run(
    options: TrialOptions,
    work: (trial: Trial) => Promise<Figures>,
  ): Promise<Figures> {
    await options.redis.clear();
    const trial = new Trial(options);
    try {
      await trial.#start();
      return await work(trial);
    } finally {
      // Clients first: that they go is not the servers' doing. A connection that is ended politely
      // keeps its port for a minute: some trials of 10,000 would have none left.
      await trial.#driver.call('scatter').catch(() => {});
      await trial.#driver.stop();
      await Promise.all([...trial.#helpers, ...trial.#servers].map((child) => child.stop()));
    }
  }

  private constructor(options: TrialOptions) {
    const { target, scenario } = options;
    this.#options = options;
    this.quick = options.quick;
    const execArgv = ['--expose-gc', '--max-old-space-size=4096'];
    const env: Record<string, string> = {};
    if (target.packages !== undefined) {
      execArgv.push('--import', new URL('../processes/packages-from.js', import.meta.url).href);
      env.BENCH_PACKAGES = folder(target.packages);
    }
    this.#servers = Array.from(
      { length: scenario.instances },
      (_, i) =>
        new Child(`Instance ${i} of ${target.name}`, 'targets/host.js', {
          args: [target.server],
          execArgv,
          env,
        }),
    );
    this.#driver = new Child('The driver', 'driver/main.js');
  }

  get target(): Target {
    return this.#options.target;
  }

  get redis(): BenchRedis {
    return this.#options.redis;
  }

  /** A process that the work needs besides servers and driver; it ends with the trial. */
  helper(name: string, file: string, ...args: string[]): Child {
    const child = new Child(name, file, { args });
    this.#helpers.push(child);
    return child;
  }

  /** The size of something: in a full run, and in a quick one. */
  size(full: number, quick: number): number {
    return this.quick ? quick : full;
  }

  gather(crowd: Crowd): Promise<{ connectedMs: number; joinedMs: number }> {
    return this.#driver.call('gather', crowd);
  }

  join(rooms: string[][]): Promise<number> {
    return this.#driver.call('join', { rooms });
  }

  scatter(): Promise<void> {
    return this.#driver.call('scatter');
  }

  /** Under load: first until everything is warm, then for the figures. */
  async measure(work: Work): Promise<Measured> {
    await this.#collectGarbage();
    await this.#driver.call('begin', work);
    await sleep(WARM_UP_MS);
    await this.#profile('startProfile');
    const before = await this.#snapshot();
    await sleep(this.size(3_000, 1_000));
    const after = await this.#snapshot();
    await this.#profile('stopProfile');
    const end = await this.#driver.call<Counts>('end', { deliveries: work.deliveries });
    return {
      ...difference(before, after),
      lost: Math.abs(end.asked * work.deliveries - end.delivered) + end.lost,
    };
  }

  /** Once, and until all that is due has come, or nothing comes any more. */
  async burst(work: Work): Promise<Arrived> {
    await this.#collectGarbage();
    return this.#driver.call('burst', work);
  }

  /** What the instances use by themselves in so much time. */
  async idle(): Promise<Measured> {
    await this.#collectGarbage();
    await sleep(this.size(1_000, 500));
    const before = await this.#snapshot();
    await sleep(this.size(3_000, 1_000));
    return { ...difference(before, await this.#snapshot()), lost: 0 };
  }

  async serverCpuUs(): Promise<number> {
    const usages = await Promise.all(this.#servers.map((server) => server.usage()));
    return usages.reduce((sum, { cpuUs }) => sum + cpuUs, 0);
  }

  /** Of the first instance, without garbage. */
  memory(): Promise<Memory> {
    return this.#servers[0]!.call('memory');
  }

  /**
   * Watches how long the event loop of the first instance lets others wait, until {@link
   * loopDelay}.
   */
  watchLoop(): Promise<void> {
    return this.#servers[0]!.call('watchLoop');
  }

  loopDelay(): Promise<LoopDelay> {
    return this.#servers[0]!.call('loopDelay');
  }

  async delivered(): Promise<number> {
    return (await this.#driver.call<Counts>('counts')).delivered;
  }

  async lost(): Promise<number> {
    return (await this.#driver.call<Counts>('counts')).lost;
  }

  async #start(): Promise<void> {
    const { target, scenario, redis } = this.#options;
    const settings: ServerSettings = {
      redis: { host: redis.host, port: redis.port },
      variant: target.variant,
      ...scenario.settings,
    };
    const ports = await Promise.all(
      this.#servers.map((server) => server.call<number>('start', settings)),
    );
    await this.#driver.call('setUp', {
      protocol: target.protocol,
      path: target.protocol === 'socket.io' ? `${PATH}/` : PATH,
      deflate: settings.deflate ?? false,
      ports,
    });
  }

  /** What connecting left behind is not the work's. */
  async #collectGarbage(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.call('collectGarbage')));
  }

  async #profile(method: 'startProfile' | 'stopProfile'): Promise<void> {
    const { profiles, scenario, target } = this.#options;
    if (profiles === undefined) return;
    mkdirSync(profiles, { recursive: true });
    const file = (i: number): string =>
      join(profiles, `${scenario.name}-${target.name}-${i}-${Date.now()}.cpuprofile`);
    await Promise.all(this.#servers.map((server, i) => server.call(method, resolve(file(i)))));
  }

  async #snapshot(): Promise<Snapshot> {
    const [counts, redis, driver, ...servers] = await Promise.all([
      this.#driver.call<Counts>('counts'),
      this.#options.redis.usage(),
      this.#driver.usage(),
      ...this.#servers.map((server) => server.usage()),
    ]);
    return { counts, redis, driver, servers };
  }
}

function difference(before: Snapshot, after: Snapshot): Omit<Measured, 'lost'> {
  return {
    seconds: (after.counts.now - before.counts.now) / 1_000,
    asked: after.counts.asked - before.counts.asked,
    delivered: after.counts.delivered - before.counts.delivered,
    serverCpuUs: after.servers.map(({ cpuUs }, i) => cpuUs - before.servers[i]!.cpuUs),
    redisCpuUs: after.redis.cpuUs - before.redis.cpuUs,
    driverCpuUs: after.driver.cpuUs - before.driver.cpuUs,
    latency: after.counts.latency,
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
