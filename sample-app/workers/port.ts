import { createServer } from 'node:net';
import { UsageError } from './options.js';

const TRIES = 100;

/**
 * The port that the pool will listen on: the one that was asked for, or the first free one from
 * there on. `0` is any free one.
 */
export async function choosePort(host: string, port: number, asked: boolean): Promise<number> {
  if (port === 0) return freePort(host);
  for (let tried = port; tried < port + TRIES && tried <= 65_535; tried++) {
    if (await isFree(host, tried)) return tried;
    if (asked) throw new UsageError(`Port ${port} is taken. Name another one with --port.`);
  }
  throw new UsageError(`The ports from ${port} on are all taken. Name a free one with --port.`);
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const port = await bind(host, 0);
  if (port === undefined) throw new UsageError(`Cannot listen on "${host}".`);
  return port;
}

/**
 * `localhost` is 127.0.0.1 or ::1, as the browser likes: who has either of them would get our
 * visitors.
 */
async function isFree(host: string, port: number): Promise<boolean> {
  const hosts = host === '127.0.0.1' || host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  for (const each of hosts) {
    if ((await bind(each, port)) === undefined) return false;
  }
  return true;
}

/**
 * Listens for a moment. `undefined` if the port is taken; an address family that this machine lacks
 * is not.
 */
function bind(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else if (host === '::1') resolve(port);
      else reject(new UsageError(`Cannot listen on ${host}, port ${port}: ${error.message}`));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
