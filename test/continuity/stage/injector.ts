import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from '../../support/deadline.js';
import { Random } from '../../support/random.js';
import { describeFault, type Fault, type FaultKind, type Refusing } from '../plan/fault.js';
import { channelOf, META_PREFIX, roomOf, STREAM_PREFIX } from './names.js';
import type { RedisProxy } from './redis-proxy.js';
import type { Stage } from './stage.js';

const COMMAND_DEADLINE_MS = 1_000;

type Makers = {
  readonly [Kind in FaultKind]: (fault: Extract<Fault, { readonly kind: Kind }>) => Promise<void>;
};

/**
 * What befalls Redis itself: one thing at a time, also where it needs longer to come back than was
 * planned.
 */
const OF_REDIS: ReadonlySet<FaultKind> = new Set([
  'kill-redis',
  'stop-redis',
  'promote-replica',
  'refuse',
]);
const FLUSH_EVERY_MS = 3;

/** Makes the faults of a stage's plan, each at its time. */
export class Injector {
  /** What was done, in the order of its end. */
  readonly done: string[] = [];
  readonly #stage: Stage;
  readonly #random: Random;
  #redisFree = Promise.resolve();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#random = new Random(stage.plan.seed);
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
      await this.#make(fault);
      this.done.push(describeFault(fault));
    });
    await Promise.allSettled([...making, until(seconds * 1_000)]);
    await Promise.all(making);
  }

  #make(fault: Fault): Promise<void> {
    const make = this.#makers[fault.kind] as (fault: Fault) => Promise<void>;
    if (!OF_REDIS.has(fault.kind)) return make(fault);
    this.#redisFree = this.#redisFree.then(() => make(fault));
    return this.#redisFree;
  }

  readonly #makers: Makers = {
    'kill-redis': async ({ keeps, forMs }) => {
      const { store } = this.#stage;
      await store.current.kill();
      await delay(forMs);
      await (keeps ? store.current.restart() : store.restartEmpty());
    },
    'stop-redis': async ({ forMs }) => {
      const { server } = this.#stage.store.current;
      server.pause();
      await delay(forMs);
      server.resume();
    },
    'promote-replica': async ({ forMs }) => {
      const { store, places } = this.#stage;
      store.holdReplica();
      await delay(forMs);
      await store.promote((port) => {
        for (const { proxy } of places) proxy.switchTo(port);
      });
    },
    refuse: async (refusing) => {
      const { current } = this.#stage.store;
      const [begin, end] = refusalOf(refusing);
      const ended = this.#stage.refusals.begin();
      await current.insist(...begin);
      await delay(refusing.forMs);
      await current.insist(...end);
      ended();
    },
    'forget-scripts': async ({ forMs }) => {
      const until = performance.now() + forMs;
      while (performance.now() < until) {
        await this.#command('script', 'flush');
        await delay(FLUSH_EVERY_MS);
      }
    },
    burst: async ({ instance, messages }) =>
      this.#stage.places[instance]!.instance.tell({ order: 'burst', messages }),
    'kill-clients': ({ type }) => this.#command('client', 'kill', 'type', type),
    'delete-stream': ({ room }) => this.#delete(STREAM_PREFIX, room),
    'delete-meta': ({ room }) => this.#delete(META_PREFIX, room),
    cut: async ({ instance, roles, forMs }) => {
      const proxy = this.#proxyOf(instance);
      if (forMs === 0) return proxy.cut(roles);
      proxy.block(roles);
      await delay(forMs);
      proxy.admit(roles);
    },
    delay: async ({ instance, roles, delayMs, forMs }) => {
      const proxy = this.#proxyOf(instance);
      proxy.delay(roles, delayMs);
      await delay(forMs);
      proxy.delay(roles, 0);
    },
    stall: async ({ instance, roles, forMs }) => {
      const proxy = this.#proxyOf(instance);
      proxy.stall(roles);
      await delay(forMs);
      proxy.flow(roles);
    },
    drop: async ({ instance, oneIn, forMs }) => {
      const proxy = this.#proxyOf(instance);
      proxy.drop((channel) => roomOf(channel) !== undefined && this.#random.chance(1 / oneIn));
      await delay(forMs);
      proxy.drop(undefined);
    },
    'kill-instance': ({ instance, forMs }) => this.#stage.replaceInstance(instance, forMs),
    'block-instance': async ({ instance, forMs }) => {
      this.#stage.places[instance]!.instance.tell({ order: 'block', ms: forMs });
      await delay(forMs);
    },
    'slow-reader': async ({ reader, forMs }) => {
      this.#stage.readers[reader]!.pause();
      await delay(forMs);
      this.#stage.readers[reader]!.resume();
    },
    'change-room': async ({ reader: at, to }) => {
      const reader = this.#stage.readers[at]!;
      const [room] = reader.rooms;
      if (room !== undefined) await reader.leave(room);
      if (!reader.rooms.includes(to)) await reader.join(to);
    },
  };

  #proxyOf(instance: number): RedisProxy {
    return this.#stage.places[instance]!.proxy;
  }

  #delete(prefix: string, room: string): Promise<void> {
    return this.#command('del', prefix + channelOf(this.#stage.eventKey, room));
  }

  /** One that Redis does not carry out now, because it is away, is no fault. */
  async #command(name: string, ...args: string[]): Promise<void> {
    const { server } = this.#stage.store.current;
    await withDeadline(server.cli(name, ...args), name, COMMAND_DEADLINE_MS).catch(() => {});
  }
}

type Command = [name: string, ...args: string[]];

/** What makes Redis refuse, and what ends that. */
function refusalOf(refusing: Refusing): [begin: Command, end: Command] {
  switch (refusing.how) {
    case 'no-memory':
      return [
        ['config', 'set', 'maxmemory', '1'],
        ['config', 'set', 'maxmemory', '0'],
      ];
    case 'no-replicas':
      return [
        ['config', 'set', 'min-replicas-to-write', '5'],
        ['config', 'set', 'min-replicas-to-write', '0'],
      ];
    case 'read-only':
      return [
        ['replicaof', '127.0.0.1', '1'],
        ['replicaof', 'no', 'one'],
      ];
    case 'no-right':
      return [
        ['acl', 'setuser', 'default', ...refusing.rights.map((right) => `-${right}`)],
        ['acl', 'setuser', 'default', '+@all'],
      ];
  }
}
