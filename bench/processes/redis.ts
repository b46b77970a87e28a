import { Redis } from 'ioredis';

import { Child } from './child.js';
import type { Usage } from './usage.js';

/** The Redis of a run. */
export class BenchRedis {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly version: string;
  readonly #keeper: Child;
  readonly client: Redis;

  static async start(): Promise<BenchRedis> {
    const keeper = new Child('The keeper of Redis', 'processes/redis-keeper.js');
    const { port } = await keeper.call<{ port: number }>('start');
    const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
    client.on('error', () => {});
    await client.connect();
    return new BenchRedis(
      keeper,
      client,
      port,
      field(await client.info('server'), 'redis_version'),
    );
  }

  private constructor(keeper: Child, client: Redis, port: number, version: string) {
    this.#keeper = keeper;
    this.client = client;
    this.port = port;
    this.version = version;
  }

  async usage(): Promise<Usage> {
    const info = await this.client.info('cpu');
    const seconds = Number(field(info, 'used_cpu_user')) + Number(field(info, 'used_cpu_sys'));
    return { cpuUs: seconds * 1e6 };
  }

  /** The ids of all connections but our own. */
  async otherClients(): Promise<string[]> {
    const own = await this.client.client('ID');
    const list = (await this.client.client('LIST')) as string;
    const ids = [...list.matchAll(/^id=(\d+)/gm)].map((match) => match[1]!);
    return ids.filter((id) => id !== String(own));
  }

  async disconnect(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.client.client('KILL', 'ID', id)));
  }

  async clear(): Promise<void> {
    await this.client.flushall();
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.#keeper.stop();
  }
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}
