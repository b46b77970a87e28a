import { randomUUID } from 'node:crypto';
import { heapUsed } from '../integration/fixtures/heap.js';
import { Random } from '../support/random.js';
import { RedisServer } from '../support/redis-process.js';
import { type EnvelopeWorld, oddEnvelope } from './envelopes.js';
import { bootFuzzApp, closeAll, type FuzzApp, LineCounter } from './fuzz-app.js';
import { FuzzClient } from './fuzz-client.js';
import type { FuzzOptions, FuzzReport } from './fuzz-frames.js';

const BATCH = 200;
/** Questions of the asking instance in a batch. */
const QUESTIONS = 5;

/**
 * Publishes odd envelopes on each channel of two instances, through a real Redis, while one of them
 * asks the other. After each batch a client has to get an answer, and each question has to end.
 * Whether the process survives is for the caller to see.
 */
export async function fuzzEnvelopes({ seed, count, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const begun = performance.now();
  const random = new Random(seed);
  const log = new LineCounter();
  const redis = await RedisServer.start();
  const eventKey = `fuzz-${randomUUID()}`;
  const common = { redis: redis.url, eventKeys: [eventKey] };
  const apps: FuzzApp[] = [];
  const clients: FuzzClient[] = [];
  try {
    for (let i = 0; i < 2; i++) apps.push(await bootFuzzApp(common, log));
    clients.push(...apps.map(({ booted }) => new FuzzClient(booted.url('/chat'))));
    const [asking, asked] = apps as [FuzzApp, FuzzApp];
    asked.server.onServerEvent('server-event', (data: unknown) => data);
    await settle(clients);
    const names = (await redis.cli('pubsub', 'channels')) as string[];
    const channels = names.filter((name) => name.startsWith(`{${eventKey}}:`));
    const publisher = redis.client();
    let before = 0;
    let questions = 0;
    for (let sent = 0; sent < count; sent += BATCH) {
      const origin = asked.backplane.instanceId;
      const open = ask(asking, random);
      questions += open.length;
      const world: EnvelopeWorld = { origin, questions };
      const pipeline = publisher.pipeline();
      for (let i = 0; i < Math.min(BATCH, count - sent); i++)
        pipeline.publish(random.pick(channels), oddEnvelope(random, world));
      await pipeline.exec();
      await Promise.all(open);
      await settle(clients);
      onProgress?.(sent);
      if (before === 0 && sent >= count / 4) before = heapUsed();
    }
    const stats = apps.map(({ backplane }) => backplane.stats());
    return {
      grownBytes: heapUsed() - before,
      lines: log.lines,
      faults: log.faults,
      seconds: (performance.now() - begun) / 1_000,
      figures: {
        envelopes: count,
        questions,
        malformed: stats[0]!.malformed + stats[1]!.malformed,
        openRequests: stats[0]!.openRequests + stats[1]!.openRequests,
        openQuestions: stats[0]!.openQuestions + stats[1]!.openQuestions,
      },
    };
  } finally {
    await closeAll(clients);
    await closeAll(apps.map(({ booted }) => booted));
    await redis.stop();
  }
}

/**
 * Questions that forged answers may find. Their results may be forged, but each of them has to end.
 */
function ask({ server }: FuzzApp, random: Random): Promise<unknown>[] {
  const audience = server.timeout(50);
  const ways = [
    () => audience.fetchSockets(),
    () => audience.countByInstance(),
    () => audience.to('no such room').emitWithAck('q', 1),
    () => audience.to('no such room').socketsJoin('x'),
    () => server.serverSideRequest('server-event', 1, { timeoutMs: 50 }),
  ];
  return Array.from({ length: QUESTIONS }, () => random.pick(ways)());
}

async function settle(clients: readonly FuzzClient[]): Promise<void> {
  for (const client of clients) await client.settle();
}
