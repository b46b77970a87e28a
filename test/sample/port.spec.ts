import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { UsageError } from '../../sample-app/workers/options.js';
import { choosePort, freePort } from '../../sample-app/workers/port.js';

const HOST = '127.0.0.1';

describe('the port of the demo', () => {
  const servers: Server[] = [];

  async function occupy(port: number, host = HOST): Promise<void> {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen({ port, host }, resolve));
  }

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('is the one that was asked for, if it is free', async () => {
    const port = await freePort();
    expect(await choosePort(HOST, port, true)).toBe(port);
  });

  test('is a later one if the usual one is taken', async () => {
    const port = await freePort();
    await occupy(port);
    expect(await choosePort(HOST, port, false)).toBeGreaterThan(port);
  });

  test('is not another one than was asked for', async () => {
    const port = await freePort();
    await occupy(port);
    await expect(choosePort(HOST, port, true)).rejects.toThrow(
      new UsageError(`Port ${port} is taken. Name another one with --port.`),
    );
  });

  test('is any free one for 0', async () => {
    expect(await choosePort(HOST, 0, true)).toBeGreaterThan(0);
  });

  test('an address that is not ours is refused in words', async () => {
    await expect(choosePort('192.0.2.1', 3000, false)).rejects.toThrow(
      /Cannot listen on 192.0.2.1/,
    );
  });
});
