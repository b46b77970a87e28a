import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which the system takes the ports of outgoing connections. */
const RANGE = [10_000, 32_000] as const;

/**
 * A loopback port that nobody listens on. For servers that must keep or re-open a known port; all
 * others should listen on port 0.
 *
 * Outgoing connections never take these ports. So a port stays free while its server is down, and
 * a client that retries it is refused rather than connected to itself, as happens on Linux with
 * ports of the ephemeral range.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...RANGE);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
