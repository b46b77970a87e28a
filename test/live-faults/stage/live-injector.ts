import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from '../../support/deadline.js';
import { describeLiveFault, type LiveFault, type LiveFaultKind } from '../plan/live-fault.js';
import { ownRoom } from '../plan/targets.js';
import type { Span } from '../verdict/records.js';
import type { LiveStage } from './live-stage.js';

const COMMAND_DEADLINE_MS = 1_000;
/** How long a burst is under way, at most. */
const BURST_MS = 3_000;

/**
 * A script has no clock: the time of Redis stands still in it. So the rounds of its loop are
 * measured before.
 */
const LOOP = 'for _ = 1, tonumber(ARGV[1]) do end';
const MEASURED_ROUNDS = 2_000_000;

type Makers = {
  readonly [Kind in LiveFaultKind]: (
    fault: Extract<LiveFault, { readonly kind: Kind }>,
  ) => Promise<void> | void;
};

/**
 * Makes the faults of a stage's plan, each at its time, and writes down from when to when they
 * lasted in fact.
 */
export class LiveInjector {
  /** What was done, in the order of its end. */
  readonly done: string[] = [];
  readonly #stage: LiveStage;
  #redisFree: Promise<void> = Promise.resolve();

  constructor(stage: LiveStage) {
    this.#stage = stage;
  }

  /**
   * OutcomeCallbacks when the plan's time is over and the last fault has ended, even if one of them
   * failed. So no fault goes on after its stage was disposed of. Rejects with what failed first.
   */
  async run(): Promise<void> {
    const { faults, seconds } = this.#stage.plan;
    const started = performance.now();
    const until = (ms: number): Promise<void> => delay(started + ms - performance.now());
    const making = faults.map(async (fault) => {
      await until(fault.atMs);
      await (this.#makers[fault.kind] as (fault: LiveFault) => Promise<void> | void)(fault);
      this.done.push(describeLiveFault(fault));
    });
    await Promise.allSettled([...making, until(seconds * 1_000)]);
    await Promise.all(making);
  }

  readonly #makers: Makers = {
    'kill-redis': ({ forMs }) =>
      this.#ofRedis(false, async () => {
        const { redis } = this.#stage;
        await redis.kill();
        await delay(forMs);
        await redis.restart();
      }),
    'stop-redis': ({ forMs }) =>
      this.#ofRedis(true, async () => {
        const { redis } = this.#stage;
        redis.pause();
        await delay(forMs);
        redis.resume();
      }),
    'block-redis': ({ forMs }) =>
      this.#ofRedis(true, async () => {
        const loop = (rounds: number) => this.#stage.redis.cli('eval', LOOP, 0, rounds);
        const started = performance.now();
        await loop(MEASURED_ROUNDS);
        const roundsPerMs = MEASURED_ROUNDS / (performance.now() - started);
        await loop(Math.round(roundsPerMs * forMs));
      }),
    'kill-clients': ({ type }) =>
      this.#during({ places: 'all', silent: false }, async () => {
        const killed = this.#stage.redis.cli('client', 'kill', 'type', type);
        // One that Redis does not carry out now, because it is away, is no fault.
        await withDeadline(killed, 'CLIENT KILL', COMMAND_DEADLINE_MS).catch(() => {});
      }),
    cut: ({ instance, roles, forMs }) =>
      this.#during({ places: [instance], silent: false }, async () => {
        const { proxy } = this.#stage.places[instance]!;
        if (forMs === 0) return proxy.cut(roles);
        proxy.block(roles);
        await delay(forMs);
        proxy.admit(roles);
      }),
    stall: ({ instance, roles, forMs }) =>
      this.#during({ places: [instance], silent: true }, async () => {
        const { proxy } = this.#stage.places[instance]!;
        proxy.stall(roles);
        await delay(forMs);
        proxy.flow(roles);
      }),
    delay: ({ instance, roles, delayMs, forMs }) =>
      this.#during({ places: [instance], silent: true, isLag: true }, async () => {
        const { proxy } = this.#stage.places[instance]!;
        proxy.delay(roles, delayMs);
        await delay(forMs);
        proxy.delay(roles, 0);
      }),
    'block-instance': ({ instance, forMs }) => {
      const { ttlMs, renewEveryMs } = this.#stage.plan.lease;
      const lapses = forMs > ttlMs - renewEveryMs;
      return this.#during({ places: [instance], silent: true, lapses }, async () => {
        this.#stage.places[instance]!.process.tell({ order: 'block', ms: forMs });
        await delay(forMs);
      });
    },
    'kill-instance': ({ instance, forMs }) => this.#stage.replace(instance, 'kill', forMs),
    'restart-instance': ({ instance, forMs }) => this.#stage.replace(instance, 'close', forMs),
    burst: ({ instance, target, messages }) => {
      this.#stage.places[instance]!.process.tell({ order: 'burst', target, messages });
      const from = Date.now();
      this.#stage.spans.push({
        from,
        to: from + BURST_MS,
        places: 'all',
        silent: true,
        isLag: true,
      });
    },
    'change-room': async ({ reader, to }) => this.#stage.readers[reader]!.change(to),
    reconnect: async ({ reader, instance }) =>
      this.#stage.rehome(this.#stage.readers[reader]!, instance),
    kick: ({ instance, reader }) =>
      this.#stage.places[instance]!.process.tell({ order: 'kick', room: ownRoom(reader) }),
    mark: ({ instance, room }) =>
      this.#stage.places[instance]!.process.tell({ order: 'mark', room }),
  };

  /** One thing at a time, also where Redis needs longer to come back than was planned. */
  #ofRedis(silent: boolean, act: () => Promise<void>): Promise<void> {
    this.#redisFree = this.#redisFree.then(() => this.#during({ places: 'all', silent }, act));
    return this.#redisFree;
  }

  async #during(span: Omit<Span, 'from' | 'to'>, act: () => Promise<void>): Promise<void> {
    const from = Date.now();
    await act();
    this.#stage.spans.push({ ...span, from, to: Date.now() });
  }
}
