import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WorkerPool } from './worker-pool.js';
import { consoleLog as log } from './log.js';
import { parseOptions, USAGE, UsageError } from './options.js';
import type { DemoOptions } from './options.js';
import { choosePort } from './port.js';
import { climbRedisLadder } from './redis/ladder.js';
import { RedisGate } from './redis/redis-gate.js';
import { runSmoke } from './smoke/run.js';

const worker = fileURLToPath(new URL('../main.js', import.meta.url));

/** Runs the demo to its end and returns the exit code. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const options = parseOptions(argv, env);
    if (options.help) {
      log.say(USAGE);
      return 0;
    }
    return await demo(options, env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\nSee: npm run demo -- --help`);
    return 1;
  }
}

async function demo(options: DemoOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { host, workers, smoke, verbose } = options;
  const port = await choosePort(host, options.port, options.portIsAsked);
  const redis = await climbRedisLadder(env, log);
  const gate =
    redis.source === 'given'
      ? undefined
      : await RedisGate.open(redis.url, (paused) => {
          log.event(paused ? 'Redis is paused: nothing passes' : 'Redis goes on');
          pool.tell({ redis: paused ? 'paused' : 'open' });
        });
  const pool = new WorkerPool({
    script: worker,
    workers,
    log,
    onMessage: (message) => {
      const { redis: wish } = (message ?? {}) as { redis?: unknown };
      if (wish === 'paused') gate?.pause();
      else if (wish === 'open') gate?.resume();
      else if (wish === 'ask' && gate?.paused) pool.tell({ redis: 'paused' });
    },
    env: {
      REDIS_URL: gate?.url ?? redis.url,
      DEMO_REDIS_GATE: gate ? '1' : '0',
      HOST: host,
      PORT: String(port),
      LOG_LEVEL: verbose ? 'log' : 'warn',
      DEMO_SMOKE: smoke ? '1' : '0',
      ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
    },
  });
  const stop = new AbortController();
  onStopSignal(() => (stop.signal.aborted ? pool.kill() : stop.abort()));
  const stopped = once(stop.signal, 'abort').then(() => 'stopped' as const);
  try {
    log.say(`Redis     ${redis.note}`);
    log.say(`Workers   ${workers}: ${pool.names.join(', ')}`);
    if ((await Promise.race([pool.open(), stopped])) === 'stopped') return 0;
    if (smoke) {
      return await runSmoke({ host, port, names: pool.names, log, signal: stop.signal });
    }
    if (port !== options.port && options.port !== 0) log.say(`Port      ${options.port} is taken`);
    const hint = workers > 1 ? '  (a second tab lands on another worker)' : '';
    log.say(`Open      ${siteUrl(host, port)}${hint}`);
    log.say('Stop      Ctrl-C\n');
    await stopped;
    return 0;
  } catch (error) {
    log.say(`The demo cannot go on: ${(error as Error).message}`);
    return 1;
  } finally {
    await pool.close();
    await gate?.close();
    await redis.close();
  }
}

function onStopSignal(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
}

function siteUrl(host: string, port: number): string {
  const name = host === '127.0.0.1' || host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
