import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { killWhenOrphaned } from '../support/kill-when-orphaned.js';

const program = fileURLToPath(new URL('./fixtures/idle-server.ts', import.meta.url));
const typescript = new URL('../support/register-typescript.mjs', import.meta.url).href;
const CLIENTS = 200;
const AT_A_TIME = 20;

const random = (length: number) => randomBytes(length).toString('base64url').slice(0, length);
const jwt = () =>
  Buffer.from(JSON.stringify({ sub: randomUUID(), aud: 'https://chat.example' })).toString(
    'base64url',
  );

/** 15 KB each. */
const HEADERS: Record<string, () => string> = {
  'one header': () => `x-filler: ${'filler '.repeat(2_140)}\r\n`,
  'cookies as browsers have them': () =>
    `cookie: ${Array.from({ length: 60 }, (_, n) => `_ga_${n}=GS1.1.17${random(8)}.1.0.0; session_${n}=${randomUUID()}; token_${n}=${jwt()}`).join('; ')}\r\n`,
  'many headers': () =>
    Array.from({ length: 600 }, (_, n) => `x-header-${n}: ${random(9)}\r\n`).join(''),
  'a random header': () => `x-random: ${random(15_000)}\r\n`,
};

/** A process with one adapter, and what its clients cost it. */
class Server {
  readonly #sockets: Socket[] = [];

  static async start(adapter: 'stock' | 'ours'): Promise<Server> {
    const child = fork(program, [adapter], {
      execArgv: ['--import', typescript, '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    killWhenOrphaned(child.pid!);
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    const server = new Server(child, port);
    // What the first ones cost is not the price of one.
    await server.#connect(AT_A_TIME, () => '');
    return server;
  }

  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** In bytes on the heap and beside it. */
  async costOfOne(headers: () => string): Promise<number> {
    const before = await this.#heldBytes();
    await this.#connect(CLIENTS, headers);
    const after = await this.#heldBytes();
    return (after - before) / CLIENTS;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const ended = once(this.child, 'exit');
    this.child.kill();
    await ended;
  }

  async #heldBytes(): Promise<number> {
    let held = Infinity;
    for (let look = 0; look < 3; look++) {
      this.child.send('how much?');
      const [{ heap, external }] = (await once(this.child, 'message')) as [
        { heap: number; external: number },
      ];
      held = Math.min(held, heap + external);
    }
    return held;
  }

  async #connect(clients: number, headers: () => string): Promise<void> {
    for (let from = 0; from < clients; from += AT_A_TIME)
      await Promise.all(Array.from({ length: AT_A_TIME }, () => this.#connectOne(headers())));
  }

  async #connectOne(headers: string): Promise<void> {
    const socket = connect(this.port, '127.0.0.1');
    this.#sockets.push(socket);
    const key = randomBytes(16).toString('base64');
    socket.write(
      'GET / HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${headers}\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 101 /);
  }
}

describe('an idle client with 15 KB of headers', () => {
  let ours: Server;
  let stock: Server;

  beforeAll(async () => {
    [ours, stock] = await Promise.all([Server.start('ours'), Server.start('stock')]);
  }, 120_000);
  afterAll(() => Promise.all([ours.stop(), stock.stop()]));

  it.each([
    ['one header', 1],
    ['cookies as browsers have them', 1],
    ['many headers', 1.1],
    // Compression wins a quarter of this one. The stock adapter keeps no headers at all.
    ['a random header', 1.6],
  ])(
    'takes about as much memory as with the stock adapter, or less: %s, at most %d times',
    async (kind, most) => {
      const [mine, its] = [
        await ours.costOfOne(HEADERS[kind]!),
        await stock.costOfOne(HEADERS[kind]!),
      ];
      expect(mine / its).toBeLessThan(most);
    },
    120_000,
  );
});
