import { afterEach, describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { stat } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { WebSocket } from 'ws';
import { Heartbeat, Liveness } from '../../../lib/adapter/client/heartbeat.js';
import { waitFor } from '../../support/wait-for.js';

const file = fileURLToPath(import.meta.url);

/** A client whose pong comes while this process stands still. */
class FrozenServersClient extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  readonly isPaused = false;
  readonly stream = { bytesRead: 1, bytesWritten: 0, writableLength: 0 };
  pings = 0;
  terminated = false;

  constructor(readonly standstillMs: number) {
    super();
  }

  ping(): void {
    this.pings++;
    // Another thread has it in no time; it is heard when the event loop comes to it.
    stat(file, () => this.stream.bytesRead++);
    const until = performance.now() + this.standstillMs;
    while (performance.now() < until);
  }

  terminate(): void {
    this.terminated = true;
  }
}

/** Whose pong never comes. */
class GoneClient extends FrozenServersClient {
  override ping(): void {
    this.pings++;
  }
}

describe('The heartbeat', () => {
  const options = { intervalMs: 60, timeoutMs: 60 };
  let heartbeat: Heartbeat;

  afterEach(() => heartbeat.close());

  const watch = <Client extends FrozenServersClient>(client: Client): Client => {
    heartbeat = new Heartbeat(options);
    const pulse = new Liveness(client as unknown as WebSocket, client.stream as unknown as Duplex);
    heartbeat.watch([{ pulse }]);
    return client;
  };

  // Shorter and longer than what the heartbeat itself notices.
  it.each([75, 300])(
    'takes no client for dead whose pong waits to be read, after %i ms',
    async (ms) => {
      const client = watch(new FrozenServersClient(ms));
      await waitFor('some pings', () => client.pings >= 4 || client.terminated, 20_000);
      expect(client.terminated).toBe(false);
    },
  );

  it('ends a client that does not answer', async () => {
    const client = watch(new GoneClient(0));
    await waitFor('its end', () => client.terminated, 20_000);
    expect(client.pings).toBe(1);
  });
});
