import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { Deadline } from '../../timing/deadline.js';

/** Of a 503, which is for now. */
const RETRY_AFTER_SECONDS = '1';

/**
 * How long the peer may take to read the answer, which may stand behind others that it has not
 * read.
 */
const GRACE_MS = 2_000;

/** Answers an upgrade request with plain HTTP, and closes. */
export function refuseUpgrade(socket: Duplex, status: 400 | 401 | 403 | 404 | 500 | 503): void {
  if (socket.destroyed || !socket.writable) return;
  const reason = STATUS_CODES[status]!;
  const lines = Object.entries({
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(reason.length),
    ...(status === 503 && { 'Retry-After': RETRY_AFTER_SECONDS }),
  }).map(([name, value]) => `${name}: ${value}`);
  const deadline = new Deadline(GRACE_MS, () => socket.destroy());
  socket.once('close', () => deadline.cancel()).once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${reason}`);
}
