import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { Inject, type Type } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  Backplane,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';

import { closeAfterEach } from '../support/cleanup.js';
import { withDeadline } from '../support/deadline.js';
import { Gate } from '../support/gate.js';
import { bootApp, type BootedApp, type BootOptions } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { RawWsClient } from '../support/raw-ws-client.js';
import { waitFor } from '../support/wait-for.js';
import { UpgradeRefusedError, WsClient } from '../support/ws-client.js';

const CLOSE_GRACE_MS = 2_000;
const DISCONNECT_HOOKS_GRACE_MS = 5_000;
/** Timers may fire a little early, by this clock. */
const EARLY_MS = 50;
/**
 * What is on time takes no longer, on a busy machine either. Short of the 30 s after which `ws`
 * cuts a client by itself.
 */
const LATE_MS = 20_000;

@WebSocketGateway({ path: '/x' })
class Plain {}

let keys = 0;

describe('An app that closes', () => {
  const track = closeAfterEach();
  guardProcess();

  const boot = async (
    gateway: Type,
    options: RedisBackplaneOptions = {},
    more: BootOptions = {},
  ): Promise<BootedApp> => {
    const where = { redis: 'memory', eventKeys: `shutdown-${++keys}` };
    const imports = [RedisBackplaneModule.forRoot({ ...where, ...options })];
    return track(await bootApp({ imports, providers: [gateway], ...more }));
  };

  const refusalOf = async (connecting: Promise<WsClient>): Promise<UpgradeRefusedError> => {
    const refusal = await connecting.then(track, (error: unknown) => error);
    expect(refusal).toBeInstanceOf(UpgradeRefusedError);
    return refusal as UpgradeRefusedError;
  };

  /** How long the app takes to close, in ms. */
  const timeToClose = async (app: BootedApp): Promise<number> => {
    const begun = performance.now();
    await withDeadline(app.close(), 'the app to close', LATE_MS);
    return performance.now() - begun;
  };

  it('refuses for now who comes meanwhile, and asks no authenticator about it', async () => {
    const closing = new Gate();
    const end = new Gate();
    class HeldAdapter extends RedisBackplaneAdapter {
      override async dispose(): Promise<void> {
        closing.open();
        await end.opened;
        await super.dispose();
      }
    }
    let asked = 0;
    const app = await boot(
      Plain,
      {
        authenticate: () => {
          asked++;
          return null;
        },
      },
      { adapter: (nest) => new HeldAdapter(nest) },
    );
    const client = track(await WsClient.connect(app.url('/x')));
    const closed = app.close();
    try {
      await closing.opened;
      expect(await client.awaitClose()).toMatchObject({ code: 1001 });
      const refusal = await refusalOf(WsClient.connect(app.url('/x')));
      expect(refusal).toMatchObject({ statusCode: 503, body: 'Service Unavailable' });
      expect(refusal.headers['retry-after']).toMatch(/^\d+$/);
      expect(asked).toBe(1);
    } finally {
      end.open();
    }
    await closed;
  });

  it('refuses for now who had come, and was not let in yet', async () => {
    const asked = new Gate();
    const answer = new Gate<null>();
    const app = await boot(Plain, {
      authenticate: () => {
        asked.open();
        return answer.opened;
      },
      authenticateTimeoutMs: 60_000,
    });
    const refused = refusalOf(WsClient.connect(app.url('/x')));
    await asked.opened;
    const closed = app.close();
    await waitFor('the end of the sockets', () => !app.app.getHttpServer().listening);
    answer.open(null);
    const refusal = await refused;
    expect(refusal).toMatchObject({ statusCode: 503 });
    expect(refusal.headers['retry-after']).toMatch(/^\d+$/);
    await closed;
  });

  it('refuses at once who waits for an authenticator that does not end', async () => {
    const asked = new Gate();
    const app = await boot(Plain, {
      authenticateTimeoutMs: 600_000,
      authenticate: () => {
        asked.open();
        return new Promise(() => {});
      },
    });
    const refused = refusalOf(WsClient.connect(app.url('/x')));
    await asked.opened;
    expect(await timeToClose(app)).toBeLessThan(LATE_MS);
    expect((await refused).statusCode).toBe(503);
  });

  it('cuts a client that does not answer the close frame, after a while', async () => {
    const app = await boot(Plain);
    const mute = track(await RawWsClient.upgrade(app.port, '/x'));
    const ms = await timeToClose(app);
    expect(ms).toBeGreaterThan(CLOSE_GRACE_MS - EARLY_MS);
    expect(ms).toBeLessThan(LATE_MS);
    expect(await mute.closeCode()).toBe(1001);
  }, 60_000);

  it('waits for handleDisconnect, and keeps the backplane for it', async () => {
    let status: string | undefined;
    @WebSocketGateway({ path: '/x' })
    class Slow {
      constructor(@Inject(Backplane) readonly backplane: Backplane) {}
      async handleDisconnect(): Promise<void> {
        await delay(300);
        status = this.backplane.status;
      }
    }
    const app = await boot(Slow);
    track(await WsClient.connect(app.url('/x')));
    await app.close();
    expect(status).toBe('ready');
    expect(app.app.get(Backplane).status).toBe('closed');
  });

  it('waits no longer than five seconds for handleDisconnect', async () => {
    const end = new Gate();
    track({ dispose: () => end.open() });
    @WebSocketGateway({ path: '/x' })
    class Stuck {
      async handleDisconnect(): Promise<void> {
        await end.opened;
      }
    }
    const app = await boot(Stuck);
    track(await WsClient.connect(app.url('/x')));
    const ms = await timeToClose(app);
    expect(ms).toBeGreaterThan(DISCONNECT_HOOKS_GRACE_MS - EARLY_MS);
    expect(ms).toBeLessThan(LATE_MS);
    expect(app.log.matching(/^WARN .*1 runs of handleDisconnect have not ended/)).toHaveLength(1);
  }, 60_000);

  it('does not wait for a handleDisconnect that has taken too long before', async () => {
    const begun = new Gate();
    @WebSocketGateway({ path: '/x' })
    class Stuck {
      handleDisconnect(): Promise<void> {
        begun.open();
        return new Promise(() => {});
      }
    }
    const app = await boot(Stuck, { connectionTimeoutMs: 100 });
    const client = track(await WsClient.connect(app.url('/x')));
    await client.close();
    await begun.opened;
    const late = /^WARN .*handleDisconnect of Stuck has not ended within 100 ms/;
    await waitFor('the line', () => app.log.matching(late).length === 1);
    expect(await timeToClose(app)).toBeLessThan(DISCONNECT_HOOKS_GRACE_MS - EARLY_MS);
  });
});
