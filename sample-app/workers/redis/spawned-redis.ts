import { basename } from 'node:path';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';
import { freePort } from '../port.js';
import { TetheredProcess } from '../tethered-process.js';
import { answersPing } from './answers-ping.js';
import type { DemoRedis } from './demo-redis.js';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 5_000;
const PORT_TRIES = 3;
const RESTART_DELAY_MS = 5_000;

/**
 * A redis-server (or valkey-server) for this demo alone: loopback, a free port, nothing written to
 * disk.
 */
export class SpawnedRedis implements DemoRedis {
  readonly source = 'spawned';
  #server?: TetheredProcess;
  readonly #closing = new AbortController();

  private constructor(
    private readonly program: string,
    private readonly port: number,
    private readonly log: Log,
  ) {}

  /** Rejects with the server's own last words if it does not come up. */
  static async start(program: string, log: Log): Promise<SpawnedRedis> {
    for (let attempt = 1; ; attempt++) {
      const redis = new SpawnedRedis(program, await freePort(HOST), log);
      try {
        await redis.#start();
        return redis;
      } catch (error) {
        // Between the choice of the port and its use, another process may have taken it.
        if (attempt === PORT_TRIES) throw error;
      }
    }
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`;
  }

  get note(): string {
    return `${basename(this.program)} on ${HOST}:${this.port}, started for this demo`;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#server?.close();
  }

  async #start(): Promise<void> {
    const server = new TetheredProcess(this.program, serverArguments(this.port));
    this.#server = server;
    let ended: string | undefined;
    void server.ended.then((how) => (ended = how));
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answersPing(HOST, this.port))) {
      if (ended === undefined && Date.now() < deadline) {
        await sleep(20);
        continue;
      }
      await server.close();
      const reason = ended ? `ended with ${ended}` : 'did not answer in time';
      throw new Error(`${this.program} ${reason}${server.output && `: ${server.output}`}`);
    }
    void server.ended.then((how) => this.#revive(how));
  }

  /** Somebody ended our Redis: that is a good show of a degraded backplane, for a moment. */
  async #revive(how: string): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.log.event(`Redis ended (${how}): the workers go on, degraded, and it returns in a moment`);
    try {
      await sleep(RESTART_DELAY_MS, undefined, { signal: this.#closing.signal });
      await this.#start();
      this.log.event('Redis is back');
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.log.event(`Redis does not come back: ${(error as Error).message}`);
    }
  }
}

function serverArguments(port: number): string[] {
  const settings = {
    bind: HOST,
    port: String(port),
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    dir: tmpdir(),
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
