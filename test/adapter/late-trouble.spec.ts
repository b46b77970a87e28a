import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { Inject, Scope } from '@nestjs/common';
import {
  ConnectedSocket,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  type BackplaneServer,
  type BackplaneSocket,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { defer, interval } from 'rxjs';

import { closeAfterEach } from '../support/cleanup.js';
import { bootApp, type BootedApp, type BootOptions } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { nextTurn, waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

let keys = 0;

describe('trouble that comes late', () => {
  const track = closeAfterEach();
  guardProcess();

  const boot = async (
    options: BootOptions,
    backplane: RedisBackplaneOptions = {},
  ): Promise<BootedApp> => {
    const where = { redis: 'memory', eventKeys: `late-${++keys}` };
    const imports = [RedisBackplaneModule.forRoot({ ...where, ...backplane })];
    return track(await bootApp({ ...options, imports }));
  };

  // Nest 11 has no request-scoped gateways.
  const withScopes = process.env.NEST_MAJOR === '11' ? it.skip : it;

  withScopes.each(['no hooks', 'only handleConnection'])(
    'a scoped gateway with %s that cannot be made',
    async (kind) => {
      @WebSocketGateway({ path: '/x' })
      class Bare {
        constructor(@Inject('broken') readonly broken: unknown) {}
        @SubscribeMessage('e')
        e(): void {}
      }
      class Connecting extends Bare {
        handleConnection(): void {}
      }
      WebSocketGateway({ path: '/x' })(Connecting);
      const gateway = kind === 'no hooks' ? Bare : Connecting;
      const app = await boot({
        providers: [
          gateway,
          {
            provide: 'broken',
            scope: Scope.REQUEST,
            useFactory: () => Promise.reject(new Error('cannot be made')),
          },
        ],
      });
      const client = track(await WsClient.connect(app.url('/x')));
      expect((await client.awaitClose()).code).toBe(1011);
    },
  );

  it('an Observable whose client has gone is not begun', async () => {
    let asked = 0;
    let returned = 0;
    let begun = 0;
    @WebSocketGateway({ path: '/x' })
    class Slow {
      @SubscribeMessage('ticks')
      async ticks(@ConnectedSocket() client: BackplaneSocket) {
        asked++;
        if (client.readyState === 1) await once(client.raw, 'close');
        returned++;
        return defer(() => {
          begun++;
          return interval(1);
        });
      }
    }
    const app = await boot({ providers: [Slow] });
    const client = track(await WsClient.connect(app.url('/x')));
    client.sendEvent('ticks');
    await waitFor('the handler', () => asked === 1);
    await client.terminate();
    await waitFor('the handler to return', () => returned === 1);
    // What it returned comes to the adapter by promises alone: they have all run by then.
    await nextTurn(2);
    expect(begun).toBe(0);
  });

  it('what a client says before it goes is handled, though its handleConnection takes longer', async () => {
    const heard: string[] = [];
    @WebSocketGateway({ path: '/x' })
    class Patient {
      @WebSocketServer() server!: BackplaneServer;
      async handleConnection(client: BackplaneSocket): Promise<void> {
        await once(client.raw, 'close');
      }
      handleDisconnect(): void {
        heard.push('gone');
      }
      @SubscribeMessage('bye')
      bye(): void {
        heard.push('bye');
      }
    }
    const app = await boot({ providers: [Patient] });
    const client = track(await WsClient.connect(app.url('/x')));
    client.sendEvent('bye');
    await client.close();
    await waitFor('the goodbye', () => heard.length === 2);
    expect(heard).toEqual(['bye', 'gone']);
  });

  it('a verifyClient that never answers costs a 503, and one line', async () => {
    @WebSocketGateway({
      path: '/x',
      verifyClient: (_info: unknown, _done: unknown) => {},
    } as object)
    class Undecided {}
    const app = await boot({ providers: [Undecided] }, { authenticateTimeoutMs: 100 });
    for (let i = 0; i < 3; i++)
      await expect(WsClient.connect(app.url('/x'))).rejects.toMatchObject({ statusCode: 503 });
    expect(app.log.matching(/^WARN .*verifyClient did not answer within 100 ms/)).toHaveLength(1);
  });

  it.each(['throws', 'rejects'])('a listener of the server that %s harms nobody', async (how) => {
    @WebSocketGateway({ path: '/x' })
    class Listening {
      @WebSocketServer() server!: BackplaneServer;
      afterInit(server: BackplaneServer): void {
        const error = new Error('of the app');
        const throws = (): void => {
          throw error;
        };
        const rejects = () => Promise.reject(error);
        server.on('connection', how === 'throws' ? throws : (rejects as () => void));
      }
      @SubscribeMessage('e')
      e(): { event: string } {
        return { event: 'done' };
      }
    }
    const app = await boot({ providers: [Listening] });
    const client = track(await WsClient.connect(app.url('/x')));
    client.sendEvent('e');
    await client.nextEvent('done');
    expect(app.log.lines.join('\n')).toContain('of the app');
  });

  it.each([
    [{ slowClient: 'nonsense' }, 'slowClient'],
    [{ typo: 1 }, 'typo'],
    [{ heartbeat: { interval: 1 } }, 'heartbeat.interval'],
    [{ perMessageDeflate: { zlibDeflateOptions: { level: 99 } } }, 'zlibDeflateOptions'],
  ])('an override that cannot work, %j, is refused at boot', async (overrides, named) => {
    await expect(
      boot({ adapter: (app) => new RedisBackplaneAdapter(app, overrides as never) }),
    ).rejects.toThrow(named);
  });

  it('broadcasts that wait behind a message in fragments are bounded', async () => {
    @WebSocketGateway({ path: '/x' })
    class Fragments {
      @WebSocketServer() server!: BackplaneServer;
    }
    const app = await boot({ providers: [Fragments] });
    const { server } = app.app.get(Fragments);
    const arrived = new Promise<BackplaneSocket>((resolve) => server.once('connection', resolve));
    const client = track(await WsClient.connect(app.url('/x')));
    const socket = await arrived;
    socket.send('a', { fin: false });
    for (let n = 0; n < 300 && socket.readyState === 1; n++) {
      server.emit('e', 'x'.repeat(100_000));
      await delay(0);
    }
    expect((await client.awaitClose()).code).toBe(4408);
  });
});
