import { RedisServer } from '../support/redis-process.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** A Redis of its own, and a network between it and the second instance. */
export class World {
  static async start(): Promise<World> {
    const redis = await RedisServer.start();
    return new World(redis, await TcpProxy.start(redis.port));
  }

  private constructor(
    readonly redis: RedisServer,
    readonly proxy: TcpProxy,
  ) {}

  async stop(): Promise<void> {
    await this.proxy.close();
    await this.redis.stop();
  }
}
