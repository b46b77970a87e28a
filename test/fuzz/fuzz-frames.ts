import { randomUUID } from 'node:crypto';
import type { MessageParser } from 'nestjs-redis-backplane';
import { heapUsed } from '../integration/fixtures/heap.js';
import { Random } from '../support/random.js';
import { bootFuzzApp, closeAll, LineCounter } from './fuzz-app.js';
import { FuzzClient } from './fuzz-client.js';
import { oddFrame } from './frames.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** Called after each batch, with how many were sent. */
  readonly onProgress?: (sent: number) => void;
}

export interface FuzzReport {
  /** The growth of the heap from the first quarter to the end. */
  readonly grownBytes: number;
  /** Warnings and errors in the log. */
  readonly lines: number;
  /** Errors that only the last guard caught. */
  readonly faults: number;
  readonly seconds: number;
  readonly figures: Readonly<Record<string, number>>;
}

const BATCH = 200;
const ODD_VALUES: readonly (() => unknown)[] = [
  () => 1n,
  () => () => {},
  () => Symbol('s'),
  () => new Map([[{}, new Set([[]])]]),
  () => Buffer.alloc(10),
  () => new Proxy({}, { get: () => fail(), ownKeys: () => fail() }),
  () => Object.defineProperty({}, 'x', { enumerable: true, get: fail }),
  () => ({ toJSON: fail }),
  cycle,
];

function fail(): never {
  throw Object.create(null) as Error;
}

function cycle(): unknown {
  const value: unknown[] = [];
  value.push(value);
  return value;
}

/**
 * An app's parser: JSON, in which now and then a value is none that JSON holds, and now and then
 * the message itself.
 */
function oddParser(random: Random): MessageParser {
  return (data: string | Buffer) => {
    const message = JSON.parse(data.toString()) as Record<string, unknown>;
    if (typeof message?.event === 'string' && message.event === 'mark') return message;
    if (random.chance(0.02)) return random.pick(ODD_VALUES)() as object;
    if (random.chance(0.02)) return Promise.reject(new Error('late')) as object;
    if (random.chance(0.2) && typeof message === 'object' && message !== null)
      message[random.pick(['event', 'data', 'id', 'error'])] = random.pick(ODD_VALUES)();
    return message;
  };
}

/**
 * Sends odd frames to three instances of one cluster: as apps are by default, with any depth
 * allowed, and with a parser of their own. After each batch every client has to get an answer.
 * Whether the process survives is for the caller to see.
 */
export async function fuzzFrames({ seed, count, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const begun = performance.now();
  const random = new Random(seed);
  const log = new LineCounter();
  const common = { redis: 'memory' as const, eventKeys: [`fuzz-${randomUUID()}`] };
  const messageParser = oddParser(new Random(seed + 1));
  const apps = await Promise.all([
    bootFuzzApp(common, log),
    bootFuzzApp({ ...common, maxDepth: false }, log),
    bootFuzzApp({ ...common, messageParser }, log),
  ]);
  const clients = apps.map(({ booted }) => new FuzzClient(booted.url('/chat')));
  const settle = async (): Promise<void> => {
    for (const client of clients) await client.settle();
  };
  let before = 0;
  try {
    await settle();
    for (let sent = 0; sent < count; sent++) {
      const client = clients[sent % clients.length]!;
      await client.send(oddFrame(random, client.questions), random);
      if (sent % BATCH === 0) {
        await settle();
        onProgress?.(sent);
      }
      if (sent === Math.floor(count / 4)) before = heapUsed();
    }
    await settle();
    const stats = apps.map(({ backplane }) => backplane.stats());
    return {
      grownBytes: heapUsed() - before,
      lines: log.lines,
      faults: log.faults,
      seconds: (performance.now() - begun) / 1_000,
      figures: {
        frames: count,
        tooDeep: sum(stats.map(({ tooDeep }) => tooDeep)),
        strayAnswers: sum(stats.map(({ strayAnswers }) => strayAnswers)),
        reconnects: sum(clients.map(({ reconnects }) => reconnects)),
      },
    };
  } finally {
    await closeAll(clients);
    await closeAll(apps.map(({ booted }) => booted));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
