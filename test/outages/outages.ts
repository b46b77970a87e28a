import type { World } from './world.js';

export interface Outage {
  readonly name: string;
  /** In words, with how long it lasts. */
  readonly title: (awayMs: number) => string;
  /** How long it lasts, and in a quick run. 0: it is over at once. */
  readonly awayMs: number;
  readonly quickAwayMs: number;
  readonly begin: (world: World) => Promise<unknown> | void;
  readonly end: (world: World) => Promise<unknown> | void;
}

/**
 * A proxy that accepts without a Redis behind it would take messages that a closed port does not.
 */
async function kill({ redis, proxy }: World): Promise<void> {
  proxy.refuse();
  await redis.kill();
}

async function startAgain({ redis, proxy }: World): Promise<void> {
  await redis.restart();
  await proxy.acceptAgain();
}

export const outages: readonly Outage[] = [
  {
    name: 'killed-3',
    title: (ms) => `Redis killed, back after ${ms / 1_000} s`,
    awayMs: 3_000,
    quickAwayMs: 1_000,
    begin: kill,
    end: startAgain,
  },
  {
    name: 'killed-9',
    title: (ms) => `Redis killed, back after ${ms / 1_000} s`,
    awayMs: 9_000,
    quickAwayMs: 2_000,
    begin: kill,
    end: startAgain,
  },
  {
    name: 'frozen-9',
    title: (ms) => `Redis frozen for ${ms / 1_000} s`,
    awayMs: 9_000,
    quickAwayMs: 2_000,
    begin: ({ redis }) => redis.pause(),
    end: ({ redis }) => redis.resume(),
  },
  {
    name: 'pubsub-killed',
    title: () => '`CLIENT KILL TYPE pubsub`',
    awayMs: 0,
    quickAwayMs: 0,
    begin: ({ redis }) => redis.cli('client', 'kill', 'type', 'pubsub'),
    end: () => {},
  },
  {
    name: 'cut-5',
    title: (ms) => `one instance's network cut for ${ms / 1_000} s`,
    awayMs: 5_000,
    quickAwayMs: 1_500,
    begin: ({ proxy }) => {
      proxy.refuse();
      proxy.cut();
    },
    end: ({ proxy }) => proxy.acceptAgain(),
  },
];
