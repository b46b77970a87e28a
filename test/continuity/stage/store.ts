import { TcpProxy } from '../../support/tcp-proxy.js';
import { waitFor } from '../../support/wait-for.js';
import type { Chapter } from '../verdict/recording.js';
import { RecordedRedis } from './recorded-redis.js';

/** A full synchronisation begins at once, not after the usual five seconds. */
const PROMPT_SYNC = ['--repl-diskless-sync-delay', '0'];

/**
 * The Redis that a cluster of instances lives on, perhaps with a replica, through all its lives.
 */
export class Store {
  static async start(withReplica: boolean): Promise<Store> {
    const master = await RecordedRedis.start(PROMPT_SYNC);
    const store = new Store(master);
    try {
      if (withReplica) await store.#addReplica();
    } catch (error) {
      await store.dispose();
      throw error;
    }
    return store;
  }

  readonly #past: Chapter[] = [];
  #begins: Chapter['begins'] = 'empty';
  #current: RecordedRedis;
  #replica: RecordedRedis | undefined;
  #replication: TcpProxy | undefined;
  #former: RecordedRedis | undefined;

  private constructor(master: RecordedRedis) {
    this.#current = master;
  }

  /** The one that is written to. */
  get current(): RecordedRedis {
    return this.#current;
  }

  async chapters(): Promise<Chapter[]> {
    return [...this.#past, { begins: this.#begins, recorded: await this.#current.recorded() }];
  }

  async restartEmpty(): Promise<void> {
    const recorded = await this.#current.restartEmpty();
    this.#past.push({ begins: this.#begins, recorded });
    this.#begins = 'empty';
  }

  /** From now on the replica gets nothing any more. */
  holdReplica(): void {
    this.#replication!.stall();
  }

  /**
   * Makes the replica what is written to, with what it has, and ends the former.
   * @param switchTo leads everyone away from the former, to this port
   */
  async promote(switchTo: (port: number) => void): Promise<void> {
    const former = this.#current;
    const promoted = this.#replica!;
    switchTo(promoted.port);
    await promoted.insist('replicaof', 'no', 'one');
    await promoted.written();
    await former.kill();
    this.#past.push({ begins: this.#begins, recorded: await former.recorded() });
    this.#begins = 'promoted';
    this.#former = former;
    this.#current = promoted;
    this.#replica = undefined;
  }

  async dispose(): Promise<void> {
    await this.#replication?.dispose();
    for (const redis of [this.#replica, this.#former, this.#current]) await redis?.dispose();
  }

  async #addReplica(): Promise<void> {
    this.#replication = await TcpProxy.start(this.#current.port);
    const { port } = this.#replication;
    this.#replica = await RecordedRedis.start([...PROMPT_SYNC, '--replicaof', `127.0.0.1 ${port}`]);
    const replica = this.#replica;
    await waitFor(
      'the replica to be level with its master',
      async () =>
        /master_link_status:up/.test(String(await replica.server.cli('info', 'replication'))),
      20_000,
    );
    await replica.written();
  }
}
