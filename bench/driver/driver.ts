import type { ProtocolName } from '../common/target.js';
import { Client, type ClientContext } from './client.js';
import { Latencies, type Latency } from '../common/latencies.js';
import { type Protocol, protocols } from './protocol.js';
import { type Asking, asking, type Work } from './work.js';

export interface Setup {
  readonly protocol: ProtocolName;
  readonly path: string;
  readonly deflate: boolean;
  /** One for each instance. */
  readonly ports: readonly number[];
}

export interface Crowd {
  readonly count: number;
  /**
   * Which instance each client connects to, by its number; repeated as needed. Default: all in
   * turn.
   */
  readonly instances?: readonly number[];
  /** What each client joins; none for those beyond the end. */
  readonly rooms?: readonly (readonly string[])[];
  /** The user that each client is. */
  readonly users?: readonly string[];
}

export interface Counts {
  readonly asked: number;
  readonly delivered: number;
  /** Connections that ended without being asked to. */
  readonly lost: number;
  readonly now: number;
  /** Of what was sampled since the last counts. */
  readonly latency: Latency | undefined;
}

/** What became of a burst. */
export interface Arrived {
  readonly delivered: number;
  /** From the asking to the last arrival. */
  readonly ms: number;
}

/** How many upgrades or joins are under way at a time. */
const CONCURRENCY = 200;
/** One in so many clients reads the time in its messages. */
const SAMPLE_EVERY = 25;
/** Clients a loopback address: well below what ephemeral ports one address has. */
const CLIENTS_PER_ADDRESS = 5_000;
const QUIET_MS = 300;
const DRAIN_DEADLINE_MS = 10_000;

/** All clients of a trial. */
export class Driver {
  #setup!: Setup;
  #protocol!: Protocol;
  #context!: ClientContext;
  readonly #latencies = new Latencies();
  #members: Client[] = [];
  #askers: Client[] = [];
  #asking: Asking | undefined;
  #delivered = 0;
  #lost = 0;

  async setUp(setup: Setup): Promise<void> {
    this.#setup = setup;
    this.#protocol = protocols[setup.protocol];
    this.#context = {
      protocol: this.#protocol,
      path: setup.path,
      deflate: setup.deflate,
      delivered: () => {
        this.#delivered++;
        this.#asking?.delivered(this.#delivered);
      },
      latency: (askedAt) => this.#latencies.add(askedAt),
      lost: () => this.#lost++,
    };
    this.#askers = setup.ports.map((port) => this.#client(port, 1, ''));
    await Promise.all(this.#askers.map((client) => client.connected()));
  }

  /**
   * Connects clients, and has them join. Resolves with the milliseconds until all had connected,
   * and until all had joined.
   */
  async gather(crowd: Crowd): Promise<{ connectedMs: number; joinedMs: number }> {
    const { count, instances, users } = crowd;
    const { ports } = this.#setup;
    const start = performance.now();
    const first = this.#members.length;
    await inWaves(count, async (i) => {
      const instance = instances ? instances[i % instances.length]! : i % ports.length;
      const query = users ? `user=${users[i]}` : '';
      const client = this.#client(ports[instance]!, first + i, query);
      this.#members[first + i] = client;
      await client.connected();
    });
    const connectedMs = performance.now() - start;
    await this.join({ first, rooms: crowd.rooms ?? [] });
    return { connectedMs, joinedMs: performance.now() - start };
  }

  /**
   * Has clients join more rooms; resolves with the milliseconds until all were told that they are
   * in.
   */
  async join(joins: { first?: number; rooms: readonly (readonly string[])[] }): Promise<number> {
    const { first = 0, rooms } = joins;
    const start = performance.now();
    await inWaves(rooms.length, (i) => this.#members[first + i]!.request('join', rooms[i]));
    return performance.now() - start;
  }

  /** Breaks the connections of all but the askers. */
  scatter(): void {
    for (const client of this.#members.splice(0)) client.destroy();
  }

  begin(work: Work): void {
    this.#delivered = 0;
    this.#latencies.take();
    const count = (): void => void this.#delivered++;
    this.#asking = asking(work, this.#protocol, this.#members, this.#askers, count);
    this.#asking.start();
  }

  /** Asks once, and waits until all has come that is due, or nothing has for long. */
  async burst(work: Work): Promise<Arrived> {
    const begun = performance.now();
    this.begin(work);
    this.#asking!.stop();
    let delivered = 0;
    let lastAt = begun;
    // What comes twice would come soon after.
    const isOver = (): boolean =>
      performance.now() - lastAt > (delivered < work.deliveries ? DRAIN_DEADLINE_MS : QUIET_MS);
    while (!isOver()) {
      if (this.#delivered > delivered) {
        delivered = this.#delivered;
        lastAt = performance.now();
      }
      await sleep(1);
    }
    this.#asking = undefined;
    return { delivered, ms: lastAt - begun };
  }

  counts(): Counts {
    return {
      asked: this.#asking?.asked ?? 0,
      delivered: this.#delivered,
      lost: this.#lost,
      now: performance.now(),
      latency: this.#latencies.take(),
    };
  }

  /** Asks no more, waits for what is under way, and counts it all. */
  async end(expected: { deliveries: number }): Promise<Counts> {
    const asking = this.#asking;
    asking?.stop();
    const deadline = performance.now() + DRAIN_DEADLINE_MS;
    let last = -1;
    let lastAt = performance.now();
    while (performance.now() < deadline) {
      const isAll = asking && this.#delivered >= asking.asked * expected.deliveries;
      if (this.#delivered !== last) {
        last = this.#delivered;
        lastAt = performance.now();
      } else if (isAll && performance.now() - lastAt > QUIET_MS) break;
      await sleep(20);
    }
    const counts = this.counts();
    this.#asking = undefined;
    return counts;
  }

  #client(port: number, number: number, query: string): Client {
    const address = Math.floor(number / CLIENTS_PER_ADDRESS);
    return new Client(this.#context, {
      port,
      query,
      // The first address is everywhere; the others of 127.0.0.0/8 are on Linux.
      localAddress: address === 0 ? undefined : `127.0.0.${1 + address}`,
      sampled: number % SAMPLE_EVERY === 0,
    });
  }
}

async function inWaves(count: number, act: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, count) }, one));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
