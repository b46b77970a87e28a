import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Link } from '../../../lib/cluster/link/link.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { BackplaneConfigError } from '../../../lib/errors/backplane-config.error.js';
import { BackplaneUnavailableError } from '../../../lib/errors/backplane-unavailable.error.js';
import { guardProcess } from '../../support/process-guard.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';
import { ControllableTransport } from '../controllable-transport.js';
import { FakeLogger } from '../fake-logger.js';

const DEADLINE_MS = 10_000;

describe('the link', () => {
  guardProcess();
  let transport: ControllableTransport;
  let logger: FakeLogger;
  let link: Link;
  let heard: string[];
  let states: string[];

  const make = (
    options: { isUp?: boolean; failFast?: boolean; commandTimeoutMs?: number } = {},
  ) => {
    const { isUp = true, failFast = false, commandTimeoutMs = 2_000 } = options;
    transport = new ControllableTransport(isUp);
    logger = new FakeLogger();
    heard = [];
    states = [];
    link = new Link({
      transport,
      logger,
      log: new ThrottledLog(logger),
      commandTimeoutMs,
      failFast,
      probeChannel: 'probe',
      instanceId: '0123456789abcdef',
      onMessage: (channel, bytes) => heard.push(`${channel} ${bytes.toString()}`),
    });
    link.onStatus((status) => states.push(status));
  };

  const until = (what: string, condition: () => unknown) => waitFor(what, condition, DEADLINE_MS);

  beforeEach(() => make());
  afterEach(() => link.close());

  it('is ready when a message has come back, with what was wanted by then', async () => {
    link.subscriptions.acquire('c');
    expect(link.status).toBe('connecting');
    await link.start();
    expect(states).toEqual(['ready']);
    await link.ready();
    await transport.publish('c', Buffer.from('1'));
    expect(heard).toEqual(['c 1']);
    expect(logger.lines).toEqual([]);
  });

  it('starts degraded where nobody is there, and is ready by itself when somebody is', async () => {
    make({ isUp: false });
    await link.start();
    expect(link.status).toBe('degraded');
    await link.subscriptions.acquire('c').confirmed;
    const ready = link.ready();
    transport.comeUp();
    await ready;
    expect(states).toEqual(['degraded', 'ready']);
    await transport.publish('c', Buffer.from('1'));
    expect(heard).toEqual(['c 1']);
  });

  it('passes on what no waiting mends', async () => {
    transport.misconfigured = new BackplaneConfigError('wrong');
    await expect(link.start()).rejects.toBe(transport.misconfigured);
  });

  it('with failFast, closes and says why', async () => {
    make({ isUp: false, failFast: true });
    await expect(link.start()).rejects.toThrow(/cannot be reached at boot: nobody there/);
    expect(link.status).toBe('closed');
    expect(transport.isClosed).toBe(true);

    make({ failFast: true, commandTimeoutMs: 20 });
    transport.deaf = true;
    const error: unknown = await link.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BackplaneUnavailableError);
    expect(transport.isClosed).toBe(true);
  });

  it('is degraded as soon as it is lost, and says so once', async () => {
    await link.start();
    await link.subscriptions.acquire('c').confirmed;
    transport.goDown('first reason');
    expect(link.status).toBe('degraded');
    link.countMissed();
    transport.goDown('second reason');
    link.countMissed();
    await link.subscriptions.acquire('joined while away').confirmed;
    const ready = link.ready();
    transport.comeUp();
    expect(link.status).toBe('degraded');
    await ready;
    expect(states).toEqual(['ready', 'degraded', 'ready']);
    expect([...transport.subscribed].sort()).toEqual(['c', 'joined while away', 'probe']);
    expect(logger.lines).toEqual([
      expect.stringMatching(/^warn The link to the other instances is lost: first reason\./),
      expect.stringMatching(/^log .* is back after \d\.\d s: 2 subscriptions restored, 2 messages/),
    ]);
  });

  it('counts anew in each outage', async () => {
    await link.start();
    for (const missed of [3, 1]) {
      transport.goDown();
      for (let i = 0; i < missed; i++) link.countMissed();
      transport.comeUp();
      await link.ready();
    }
    expect(logger.lines.filter((line) => line.includes('3 messages'))).toHaveLength(1);
    expect(logger.lines.filter((line) => line.includes('1 messages'))).toHaveLength(1);
  });

  it('is not ready while it is up and deaf, makes the connections anew, and is when it hears', async () => {
    make({ commandTimeoutMs: 100 });
    await link.start();
    await link.ready();
    states = [];
    transport.goDown();
    transport.deaf = true;
    transport.comeUp();
    await until('the restart', () => transport.restarts > 0);
    expect(link.status).toBe('degraded');
    transport.deaf = false;
    await link.ready();
    expect(states).toEqual(['degraded', 'ready']);
  });

  it('notices by itself that it has gone deaf', async () => {
    make({ commandTimeoutMs: 100 });
    await link.start();
    transport.deaf = true;
    const gone = performance.now();
    await until('the loss', () => link.status === 'degraded');
    // The probe's interval, and the command's time-out; with some time for a busy machine.
    expect(performance.now() - gone).toBeLessThan(3_000 + 100 + 2_000);
    expect(logger.lines[0]).toMatch(/no message came back .* within 100 ms/);
    transport.deaf = false;
    await link.ready();
  });

  it('is lost when a subscription is refused, and comes back when it is taken', async () => {
    await link.start();
    transport.refuses = new Error('NOPERM of the test');
    await link.subscriptions.acquire('c').confirmed;
    await until('the loss', () => link.status === 'degraded');
    await until('the reason', () => logger.lines.length > 0);
    expect(logger.lines[0]).toContain('NOPERM of the test');
    transport.refuses = undefined;
    await link.ready();
    expect(transport.subscribed.has('c')).toBe(true);
  });

  it('goes on when a listener of its status throws', async () => {
    link.onStatus(() => {
      throw new Error('of the app');
    });
    await link.start();
    transport.goDown();
    transport.comeUp();
    await link.ready();
    expect(states).toEqual(['ready', 'degraded', 'ready']);
  });

  it('lets go of everything when it is closed, at whatever time', async () => {
    for (const when of ['before the start', 'at the start', 'ready', 'degraded', 'recovering']) {
      make({ commandTimeoutMs: 50 });
      const starting = when === 'before the start' ? undefined : link.start();
      if (!['before the start', 'at the start'].includes(when)) await starting;
      if (when === 'degraded' || when === 'recovering') transport.goDown();
      if (when === 'recovering') {
        transport.deaf = true;
        transport.comeUp();
        await nextTurn(3);
      }
      const waiting = when === 'ready' ? undefined : link.ready().catch((e: Error) => e);
      await Promise.all([link.close(), link.close()]);
      await starting;
      expect(link.status).toBe('closed');
      if (waiting) expect(await waiting).toMatchObject({ code: 'BACKPLANE_CLOSED' });
      const { length } = transport.calls;
      const told = logger.lines.length;
      transport.comeUp();
      transport.goDown();
      await nextTurn(5);
      expect(transport.calls).toHaveLength(length);
      expect(logger.lines).toHaveLength(told);
      expect(states.at(-1)).toBe('closed');
    }
  });

  it('ends with what is wanted, however it went up and down and rooms came and went', async () => {
    await link.start();
    let state = 12_345;
    const below = (limit: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * limit);
    };
    const wanted = new Set<string>();
    for (let step = 0; step < 3_000; step++) {
      const channel = `c${below(30)}`;
      switch (below(12)) {
        case 0:
          transport.goDown();
          break;
        case 1:
          transport.comeUp();
          break;
        case 2:
        case 3:
          await nextTurn(below(4));
          break;
        default:
          if (wanted.delete(channel)) link.subscriptions.release(channel);
          else {
            wanted.add(channel);
            link.subscriptions.acquire(channel);
          }
      }
    }
    transport.comeUp();
    await link.ready();
    await until('the subscriptions to be those wanted', () => {
      const channels = [...transport.subscribed].filter((channel) => channel !== 'probe');
      expect(channels.sort()).toEqual([...wanted].sort());
      return true;
    });
    expect(link.subscriptions.size).toBe(wanted.size);
  });
});
