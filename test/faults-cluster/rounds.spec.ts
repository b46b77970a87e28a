import { expect, it } from '@jest/globals';
import { Backplane } from '../../lib/cluster/backplane.js';
import type {
  AnswerListener,
  Connection,
  PausedPosition,
} from '../../lib/cluster/local/connection.js';
import type { LocalHub } from '../../lib/cluster/local/local-hub.js';
import { RedisTransport } from '../../lib/transport/redis/redis.transport.js';
import { ownKey } from '../faults/fixtures/instance.js';
import { report } from '../integration/cluster-operations/fixtures/traffic.js';
import { sourceOf } from '../support/redis-source.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';

const ROUNDS = 100;
const INSTANCES = 6;
const LEASE = { ttlMs: 1_000, renewEveryMs: 200 };

/** A repeatable run: mulberry32. */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A connection that answers in a later turn. */
class Client implements Connection {
  readonly userId = undefined;
  readonly rooms = new Set<string>();
  readonly data = {};
  lastBroadcast = 0;
  readonly headroomBytes = Infinity;
  readonly #open = new Map<string | number, AnswerListener>();

  constructor(
    readonly id: string,
    readonly onDisconnect: (client: Client) => void,
  ) {}

  readonly isOpen = true;
  readonly maxRooms = Infinity;
  readonly isPausable = false;
  readonly paused = new Map<string, PausedPosition>();

  async drained(): Promise<boolean> {
    return true;
  }

  write(): void {}

  isBackpressured(): boolean {
    return false;
  }

  pauseLog(): void {}

  writeMissed(): boolean {
    return true;
  }

  ask(id: string | number, _frame: unknown, _delivery: unknown, listener: AnswerListener): void {
    this.#open.set(id, listener);
    setImmediate(() => {
      if (this.#open.delete(id)) listener.answered(this.id, { data: this.id }, 20);
    });
  }

  withdraw(id: string | number): void {
    this.#open.delete(id);
  }

  disconnect(): void {
    this.onDisconnect(this);
    for (const listener of this.#open.values()) listener.closed(this.id);
    this.#open.clear();
  }
}

class Node {
  static async boot(url: string, eventKeys: string[], log: LogCapture): Promise<Node> {
    const transport = new RedisTransport(sourceOf(url));
    const backplane = new Backplane({
      transport,
      eventKeys,
      commandTimeoutMs: 2_000,
      failFast: true,
      coalesceMs: 0,
      logger: log,
      lease: LEASE,
    });
    await backplane.start();
    const node = new Node(backplane, transport, backplane.serve<Client>('/'));
    await backplane.ready();
    return node;
  }

  private constructor(
    readonly backplane: Backplane,
    private readonly transport: RedisTransport,
    readonly hub: LocalHub<Client>,
  ) {}

  get clients(): Client[] {
    return [...this.hub.members()];
  }

  connect(): Client {
    const client = new Client(this.backplane.nextConnectionId(), (gone) => this.hub.remove(gone));
    this.hub.add(client);
    return client;
  }

  /** Its connections to Redis end, and it says nothing: all that the others see of a kill. */
  async kill(): Promise<void> {
    await this.transport.close();
    await this.backplane.close();
  }

  async dispose(): Promise<void> {
    await this.backplane.close();
  }
}

describeWithRedis(`${ROUNDS} rounds of random operations, with random kills`, () => {
  guardProcess();
  const track = closeAfterEach();

  it('end with all counters at their true values', async () => {
    const redis = track(await RedisServer.start());
    const log = new LogCapture();
    const eventKeys = ownKey();
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    const random = randomness(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const boot = async () => track(await Node.boot(redis.url, eventKeys, log));
    const nodes: Node[] = [];
    while (nodes.length < INSTANCES) nodes.push(await boot());
    let kills = 0;
    let stops = 0;

    const act = async (): Promise<void> => {
      const audience = pick(nodes).backplane.hub('/').timeout(10_000);
      const aimed = pick([audience, audience.to('r'), audience.except('r')]);
      const what = random();
      if (what < 0.3) for (let i = 0; i < 10; i++) pick(nodes).connect();
      else if (what < 0.45) await aimed.socketsJoin('r');
      else if (what < 0.5) await aimed.socketsLeave('r');
      else if (what < 0.65) await aimed.fetchSockets();
      else if (what < 0.8) await aimed.emitWithAck('q');
      else if (what < 0.82) await audience.to('r').disconnectSockets();
      else if (what < 0.95) await aimed.countByInstance();
      else await pick(nodes).backplane.instances();
    };

    for (let round = 0; round < ROUNDS; round++) {
      const acts = Array.from({ length: 4 }, act);
      if (random() < 0.25) {
        const [victim] = nodes.splice(Math.floor(random() * nodes.length), 1);
        if (random() < 0.5) {
          kills++;
          await victim!.kill();
        } else {
          stops++;
          await victim!.dispose();
        }
        nodes.push(await boot());
      }
      const outcomes = await Promise.allSettled(acts);
      for (const outcome of outcomes) {
        // The asker itself may be the one that went.
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ code: 'BACKPLANE_CLOSED' });
      }
    }

    const alive = new Set(nodes.map(({ backplane }) => backplane.instanceId));
    await waitFor('the dead to lapse', async () => {
      const listed = await nodes[0]!.backplane.instances();
      return listed.length === alive.size && listed.every(({ id }) => alive.has(id));
    });
    const truth = nodes.flatMap(({ clients }) => clients);
    const inRoom = truth.filter(({ rooms }) => rooms.has('r')).length;
    for (const { backplane } of nodes) {
      const hub = backplane.hub('/');
      expect(await hub.count()).toBe(truth.length);
      expect(await hub.to('r').count()).toBe(inRoom);
      const ids = (await hub.fetchSockets()).map(({ id }) => id);
      expect(ids.toSorted()).toEqual(truth.map(({ id }) => id).toSorted());
      const { answers, missing } = await hub.emitWithAck('q');
      expect([answers.length, missing]).toEqual([truth.length, []]);
      await waitFor('all to be forgotten', () => {
        const { openRequests, openQuestions } = backplane.stats();
        return openRequests + openQuestions === 0;
      });
      expect(backplane.stats()).toMatchObject({ malformed: 0, unsent: 0, strayAnswers: 0 });
    }
    report(
      `${ROUNDS} rounds (seed ${seed}): ${kills} kills, ${stops} stops, ${truth.length} connections in the end, ${inRoom} in the room`,
    );
    expect(log.matching('ERROR')).toEqual([]);
  }, 180_000);
});
