import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { freePort } from './free-port.js';
import { killWhenOrphaned } from './kill-when-orphaned.js';
import { waitFor } from './wait-for.js';

export interface RedisServerOptions {
  /** More arguments of `redis-server`, such as `['--maxclients', '10']`. */
  args?: string[];
  /** What clients must authenticate with. */
  password?: string;
  /** A free loopback port when omitted. */
  port?: number;
}

const NAMES = ['redis-server', 'valkey-server'];
const START_ATTEMPTS = 5;

/** The Redis or Valkey server on this machine's PATH, if there is one. */
export function findRedisServer(): string | undefined {
  for (const name of NAMES) {
    for (const directory of (process.env.PATH ?? '').split(delimiter)) {
      const file = join(directory || '.', name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/**
 * A real Redis server of a test's own, on loopback, without persistence. It dies with the test
 * process, however that ends.
 */
export class RedisServer {
  /** Starts a server; resolves when it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const executable = findRedisServer();
    if (!executable) throw new Error(`No redis-server on PATH. ${HOW_TO_INSTALL}`);
    for (let attempt = 1; ; attempt++) {
      const port = options.port ?? (await freePort());
      const server = new RedisServer(executable, port, options);
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        const portWasTaken = options.port === undefined && server.log.includes('bind');
        if (!portWasTaken || attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  readonly host = '127.0.0.1';
  readonly url: string;
  readonly password: string | undefined;

  private readonly extraArgs: string[];
  private readonly clients = new Set<Redis>();
  private child: ChildProcess | undefined;
  private watchdog: ChildProcess | undefined;
  private directory: string | undefined;
  private log = '';

  private constructor(
    private readonly executable: string,
    readonly port: number,
    options: RedisServerOptions,
  ) {
    this.password = options.password;
    this.extraArgs = options.args ?? [];
    const login = options.password ? `:${encodeURIComponent(options.password)}@` : '';
    this.url = `redis://${login}${this.host}:${port}`;
  }

  /** The server process, while it runs. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** OutcomeCallbacks the server as an operator would (SIGTERM), and closes its control clients. */
  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    this.clients.clear();
    this.resume(); // a stopped process does not hear SIGTERM
    await this.end('SIGTERM');
    if (this.directory) await rm(this.directory, { recursive: true, force: true });
    this.directory = undefined;
  }

  /** {@link stop}, under the name that `closeAfterEach` calls. */
  dispose(): Promise<void> {
    return this.stop();
  }

  /**
   * OutcomeCallbacks the server without a farewell (SIGKILL). Control clients stay and reconnect.
   */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Starts the server again on its port, with empty memory; kills it first if it runs. */
  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  /** Freezes the server (SIGSTOP): connections stay open, nothing answers. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  /** Lets a frozen server go on (SIGCONT). */
  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** A connection for control and inspection; the server closes it when it stops. */
  client(options: RedisOptions = {}): Redis {
    const client = this.connection({
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      ...options,
    });
    this.clients.add(client);
    return client;
  }

  /** One command on a connection of its own, such as `cli('client', 'kill', 'type', 'pubsub')`. */
  async cli(command: string, ...args: (string | Buffer | number)[]): Promise<unknown> {
    const client = this.connection();
    try {
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  private async launch(): Promise<void> {
    this.directory ??= await mkdtemp(join(tmpdir(), 'backplane-redis-'));
    const args = ['--port', String(this.port), '--bind', this.host, '--dir', this.directory];
    args.push('--save', '', '--appendonly', 'no');
    if (this.password) args.push('--requirepass', this.password);
    const child = spawn(this.executable, [...args, ...this.extraArgs], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.log = '';
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    }
    if (child.pid !== undefined) this.watchdog = killWhenOrphaned(child.pid);

    const hasEnded = () => failure !== undefined || hasExited(child);
    await waitFor('redis-server to answer', async () => hasEnded() || this.answers(), 10_000);
    if (hasEnded()) throw failure ?? new Error(`redis-server did not start:\n${this.log}`);
  }

  private async answers(): Promise<boolean> {
    const client = this.connection();
    try {
      return (await client.ping()) === 'PONG';
    } finally {
      client.disconnect();
    }
  }

  /** By default one that gives up at the first failure. */
  private connection(options: RedisOptions = {}): Redis {
    const client = new Redis({
      host: this.host,
      port: this.port,
      password: this.password,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      disconnectTimeout: 100, // a timer that ioredis leaves behind when the stream is gone already
      ...options,
    });
    client.on('error', () => {}); // outages are what the tests are about
    return client;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child && child.pid !== undefined && !hasExited(child)) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000);
      child.kill(signal);
      await exited;
      clearTimeout(impatience);
    }
    this.watchdog?.kill('SIGKILL');
    this.watchdog = undefined;
  }
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export const HOW_TO_INSTALL =
  'Install one to run them: `apt-get install redis-server` (Debian, Ubuntu), ' +
  '`brew install redis` (macOS), `dnf install valkey` (Fedora).';
