import { parseArgs } from 'node:util';

export interface DemoOptions {
  workers: number;
  host: string;
  port: number;
  /** The port was named: a taken one is an error, not a reason to look for another. */
  portIsAsked: boolean;
  smoke: boolean;
  verbose: boolean;
  help: boolean;
}

export class UsageError extends Error {}

export const MAX_WORKERS = 64;

export const USAGE = `A chat on several worker processes behind one port, joined by Redis.

  npm run demo -- [options]

  --workers <n>   how many worker processes, 1 to ${MAX_WORKERS} (default 4)
  --port <n>      the port; 0 takes any free one (default 3000, or the next free one)
  --host <name>   the address to listen on (default 127.0.0.1)
  --smoke         no person needed: check broadcasts of every kind from every worker, exit 0 or 1
  --verbose       show everything that the workers log
  --help          this text

  REDIS_URL       the Redis to use. Without it the demo starts a redis-server or valkey-server
                  from PATH for itself, and without one of those an embedded server.
                  REDIS_URL=memory runs without a backplane: every worker is an island.
  PORT            as --port`;

/** Throws {@link UsageError} with a sentence that says how to fix it. */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): DemoOptions {
  const { values } = parse(argv);
  const smoke = values.smoke ?? false;
  const port = values.port ?? (env.PORT || undefined);
  return {
    workers: integer('--workers', values.workers ?? '4', 1, MAX_WORKERS),
    host: values.host ?? '127.0.0.1',
    port: integer(
      values.port === undefined ? 'PORT' : '--port',
      port ?? (smoke ? '0' : '3000'),
      0,
      65_535,
    ),
    portIsAsked: port !== undefined,
    smoke,
    verbose: values.verbose ?? false,
    help: values.help ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        workers: { type: 'string', short: 'w' },
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        smoke: { type: 'boolean' },
        verbose: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
}
