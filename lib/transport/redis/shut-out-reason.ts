import { connect } from 'node:net';

import type { RedisOptions } from 'ioredis';

import { Deadline } from '../../timing/deadline.js';

const WAIT_MS = 300;

const UNKNOWN = 'has Redis reached its "maxclients", or does a proxy close them?';
const FULL = 'Redis has reached its "maxclients"';
const SPEAKS_TLS = 'does that port speak TLS? Write rediss://, or "tls" in the "redis" option';
const PROXY = 'is it a proxy without a Redis behind it?';

/**
 * Finds out why connections are closed as soon as they are made, with a connection of its own that
 * says nothing. A Redis that is full answers that at once (ioredis speaks first, and then mostly
 * loses the answer), and a port that speaks TLS waits. Never rejects.
 */
export function shutOutReason({ host, port, path, tls, sentinels }: RedisOptions): Promise<string> {
  if (tls || sentinels) return Promise.resolve(UNKNOWN);
  return new Promise((resolve) => {
    const socket = path ? connect(path) : connect(port ?? 6379, host ?? 'localhost');
    let answer = '';
    const end = (reason: string): void => {
      deadline.cancel();
      socket.destroy();
      resolve(/max number of clients/.test(answer) ? FULL : reason);
    };
    const deadline = new Deadline(WAIT_MS, () => end(SPEAKS_TLS));
    socket
      .on('data', (data: Buffer) => (answer = data.toString('latin1').slice(0, 200)))
      .on('error', () => end(UNKNOWN))
      .on('close', () => end(PROXY));
  });
}
