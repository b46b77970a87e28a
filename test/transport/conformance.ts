import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Ticket } from '../../lib/transport/ticket.js';
import type { Transport } from '../../lib/transport/transport.js';
import { closeAfterEach } from '../support/cleanup.js';
import { waitFor } from '../support/wait-for.js';
import { guardProcess } from '../support/process-guard.js';
import { HOSTILE_CHANNELS } from './hostile-channels.js';
import { describeLogs } from './log-conformance.js';
import { Recorder } from './recorder.js';

// For what hangs; nothing here waits for a clock.
jest.setTimeout(60_000);

/** One side that transports meet on, such as one Redis server. */
export interface TransportBackend {
  /** A new transport, not started. All that are made here can hear each other. */
  make(): Transport | Promise<Transport>;
  /**
   * Called after the last test, with every transport closed: ends what the backend itself opened.
   */
  stop?(): unknown;
}

/**
 * The behaviour that every driver of the port `Transport` must have. To run it for a driver of your own:
 *
 * ```ts
 * describeTransport('MyTransport', async () => {
 *   const broker = await startMyBroker();
 *   return { make: () => new MyTransport(broker.url), stop: () => broker.stop() };
 * });
 * ```
 *
 * `makeBackend` is called once, before the first test. The suite uses channel names of its own in each test, and closes every
 * transport that it asked for. Failures of the other side are not in here: each driver has its own.
 */
export function describeTransport(
  name: string,
  makeBackend: () => TransportBackend | Promise<TransportBackend>,
): void {
  describe(`${name} is a transport:`, () => {
    guardProcess();
    const track = closeAfterEach();
    let backend: TransportBackend;

    beforeAll(async () => {
      backend = await makeBackend();
    });
    afterAll(async () => {
      await backend?.stop?.();
    });

    const start = async (): Promise<Recorder> => {
      const recorder = track(new Recorder(await backend.make()));
      expect(await recorder.start()).toBe(true);
      return recorder;
    };

    it('says that it is up when it starts, and that once', async () => {
      const { ups, downs, transport } = await start();
      expect({ ups: ups.length, downs }).toEqual({ ups: 1, downs: [] });
      expect(transport.name).toMatch(/./);
      expect(typeof transport.mayRepeat).toBe('boolean');
    });

    it('brings bytes as they are to every subscriber of the channel, the sender included', async () => {
      const [one, two, three] = [await start(), await start(), await start()];
      await Promise.all([one, two].map(({ transport }) => transport.subscribe(['c'])));
      await three.transport.subscribe(['other']);
      await one.transport.publish('c', Buffer.from([0, 255, 13, 10, 128]));
      await two.transport.publish('other', Buffer.from('x'));
      await Promise.all([one.count(1), two.count(1), three.count(1)]);
      expect(one.heard).toEqual(['c 00ff0d0a80']);
      expect(two.heard).toEqual(['c 00ff0d0a80']);
      expect(three.heard).toEqual(['other 78']);
    });

    it('brings what was published in its order and once, flushed or not, and flushes at any time', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c']);
      const sent: Promise<void>[] = [];
      from.transport.flush();
      for (let i = 0; i < 9; i++) {
        sent.push(from.transport.publish('c', Buffer.from([i])));
        if (i % 3 === 1) from.transport.flush();
      }
      from.transport.flush();
      from.transport.flush();
      await Promise.all([...sent, to.count(9)]);
      expect(to.heard).toEqual(Array.from({ length: 9 }, (_, i) => `c 0${i}`));
      await from.transport.close();
      from.transport.flush();
    });

    it('brings what is data and what are requests in one order, and what is urgent, too', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c', 'urgent']);
      const sent: Promise<void>[] = [];
      for (let i = 0; i < 5_000; i++) {
        const bytes = Buffer.alloc(2);
        bytes.writeUInt16BE(i);
        const lane = i % 10 === 0 ? 'control' : 'data';
        sent.push(from.transport.publish('c', bytes, { lane }));
        if (i === 4_000)
          sent.push(from.transport.publish('urgent', Buffer.from('!'), { lane: 'urgent' }));
      }
      await Promise.all([...sent, to.count(5_001)]);
      const data = to.messages.filter(({ channel }) => channel === 'c');
      expect(data.map(({ bytes }) => bytes.readUInt16BE())).toEqual(
        Array.from({ length: 5_000 }, (_, i) => i),
      );
    });

    it('counts what waits, and nothing when all has left', async () => {
      const { transport } = await start();
      expect(transport.waiting).toEqual({ messages: 0, bytes: 0 });
      const sent = Array.from({ length: 5_000 }, () => transport.publish('c', Buffer.alloc(1_000)));
      const { messages, bytes } = transport.waiting;
      expect(messages).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(messages * 1_000);
      await Promise.all(sent);
      expect(transport.waiting).toEqual({ messages: 0, bytes: 0 });
    });

    it('never brings what was withdrawn before it left', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c']);
      const tickets = Array.from({ length: 5_000 }, () => new Ticket());
      const sent = tickets.map((ticket, i) => {
        const bytes = Buffer.alloc(2);
        bytes.writeUInt16BE(i);
        return from.transport.publish('c', bytes, { ticket });
      });
      const fates = Promise.allSettled(sent);
      const withdrawn = tickets.map((ticket, i) => i % 2 === 1 && ticket.withdraw());
      expect(withdrawn.filter(Boolean).length).toBeGreaterThan(0);
      await from.transport.publish('c', Buffer.from([255, 255]));
      for (const [i, { status }] of (await fates).entries())
        expect(status).toBe(withdrawn[i] ? 'rejected' : 'fulfilled');
      for (const [i, ticket] of tickets.entries()) expect(ticket.isHere).toBe(withdrawn[i]);
      const left = withdrawn.flatMap((isWithdrawn, i) => (isWithdrawn ? [] : [i]));
      await to.count(left.length + 1);
      expect(to.messages.map(({ bytes }) => bytes.readUInt16BE())).toEqual([...left, 65_535]);
      expect(tickets[0]!.withdraw()).toBe(false);
    });

    it('drains: what was published before has arrived at the other side', async () => {
      const [from, to] = [await start(), await start()];
      await from.transport.drain(60_000);
      await to.transport.subscribe(['c']);
      let settled = 0;
      for (let i = 0; i < 5_000; i++)
        void from.transport.publish('c', Buffer.from('1')).then(() => settled++);
      await from.transport.drain(60_000);
      expect([settled, from.transport.waiting.messages]).toEqual([5_000, 0]);
      await to.count(5_000);
    });

    it('sends what waits when it is closed', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c']);
      const sent = Array.from({ length: 5_000 }, () =>
        from.transport.publish('c', Buffer.from('1')),
      );
      await from.transport.close();
      await Promise.all([...sent, to.count(5_000)]);
    });

    it('brings no bytes, and a megabyte of them', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['sizes']);
      const megabyte = Buffer.alloc(1024 * 1024);
      for (let i = 0; i < megabyte.length; i++) megabyte[i] = i * 31 + (i >> 8);
      await from.transport.publish('sizes', Buffer.alloc(0));
      await from.transport.publish('sizes', megabyte);
      await to.count(2);
      expect(to.messages[0]!.bytes).toHaveLength(0);
      expect(to.messages[1]!.bytes.equals(megabyte)).toBe(true);
    });

    it('resolves a subscribe when it holds: what is published then arrives', async () => {
      const [from, to] = [await start(), await start()];
      for (let i = 0; i < 200; i++) {
        await to.transport.subscribe([`held ${i}`]);
        await from.transport.publish(`held ${i}`, Buffer.from([i]));
      }
      await to.count(200);
      expect(to.messages.map(({ bytes }) => bytes[0])).toEqual(
        Array.from({ length: 200 }, (_, i) => i),
      );
    });

    it('hears nothing of a channel before it subscribes, nor after the unsubscribe has resolved', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['end']);
      await from.transport.publish('c', Buffer.from('before'));
      await to.transport.subscribe(['c']);
      await from.transport.publish('c', Buffer.from('while'));
      await from.transport.publish('end', Buffer.from('1'));
      await to.count(2);
      await to.transport.unsubscribe(['c']);
      await from.transport.publish('c', Buffer.from('after'));
      await from.transport.publish('end', Buffer.from('2'));
      await to.count(3);
      expect(to.texts).toEqual(['c while', 'end 1', 'end 2']);
    });

    it('takes subscribes and unsubscribes in the order of the calls', async () => {
      const [from, to] = [await start(), await start()];
      const calls: Promise<void>[] = [];
      for (let i = 0; i < 50; i++) {
        calls.push(to.transport.subscribe(['in', 'out']));
        calls.push(to.transport.unsubscribe(['in', 'out']));
      }
      calls.push(to.transport.subscribe(['in']));
      await Promise.all(calls);
      await from.transport.publish('out', Buffer.from('no'));
      await from.transport.publish('in', Buffer.from('yes'));
      await to.count(1);
      expect(to.texts).toEqual(['in yes']);
    });

    it('delivers one copy, however often the channel was subscribed', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c', 'c']);
      await to.transport.subscribe(['c']);
      await from.transport.publish('c', Buffer.from('1'));
      await to.transport.unsubscribe(['c', 'never subscribed']);
      await to.transport.subscribe(['end']);
      await from.transport.publish('c', Buffer.from('2'));
      await from.transport.publish('end', Buffer.from('3'));
      await to.count(2);
      expect(to.texts).toEqual(['c 1', 'end 3']);
    });

    it('takes no channels at all', async () => {
      const { transport } = await start();
      await transport.subscribe([]);
      await transport.unsubscribe([]);
    });

    it('keeps the order of 10,000 messages over several channels', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['o0', 'o1', 'o2']);
      const sent: Promise<void>[] = [];
      for (let i = 0; i < 10_000; i++) {
        const bytes = Buffer.alloc(4 + (i % 300));
        bytes.writeUInt32BE(i);
        sent.push(from.transport.publish(`o${i % 3}`, bytes));
      }
      await Promise.all(sent);
      await to.count(10_000);
      const numbers = to.messages.map(({ channel, bytes }) => {
        const number = bytes.readUInt32BE();
        return channel === `o${number % 3}` && bytes.length === 4 + (number % 300) ? number : -1;
      });
      expect(numbers.join()).toBe(Array.from({ length: 10_000 }, (_, i) => i).join());
    });

    it('takes names for what they are: no patterns, no prefixes, no encodings', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(HOSTILE_CHANNELS);
      for (const channel of HOSTILE_CHANNELS) {
        await from.transport.publish(channel, Buffer.from(channel));
        await from.transport.publish(`${channel}x`, Buffer.from('not for this name'));
        await from.transport.publish(`x${channel}`, Buffer.from('not for this name'));
      }
      await from.transport.publish(HOSTILE_CHANNELS[0]!, Buffer.from('end'));
      await to.count(HOSTILE_CHANNELS.length + 1);
      const expected = HOSTILE_CHANNELS.map((channel) => `${channel} ${channel}`);
      expect(to.texts.slice(0, -1)).toEqual(expected);

      await to.transport.unsubscribe(HOSTILE_CHANNELS.slice(1));
      for (const channel of HOSTILE_CHANNELS)
        await from.transport.publish(channel, Buffer.from(''));
      await from.transport.publish(HOSTILE_CHANNELS[0]!, Buffer.from('end'));
      await to.count(HOSTILE_CHANNELS.length + 3);
      expect(to.messages.slice(-2).map(({ channel }) => channel)).toEqual([
        HOSTILE_CHANNELS[0],
        HOSTILE_CHANNELS[0],
      ]);
    });

    it('subscribes to 50,000 channels in one call, and lets go of them in another', async () => {
      const [from, to] = [await start(), await start()];
      const channels = Array.from({ length: 50_000 }, (_, i) => `many ${i}`);
      await to.transport.subscribe(channels);
      const asked = [0, 511, 512, 513, 25_000, 49_999];
      for (const i of asked) await from.transport.publish(channels[i]!, Buffer.from('there'));
      await to.count(asked.length);
      expect(to.texts).toEqual(asked.map((i) => `many ${i} there`));
      await to.transport.unsubscribe(channels);
      await to.transport.subscribe(['end']);
      for (const i of asked) await from.transport.publish(channels[i]!, Buffer.from('gone'));
      await from.transport.publish('end', Buffer.from('1'));
      await to.count(asked.length + 1);
      expect(to.texts.at(-1)).toBe('end 1');
    });

    it('restarts: down, then up with no channel subscribed, and works again', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['old', 'end']);
      to.transport.restart();
      await waitFor('the transport to be up again', () => to.ups.length === 2);
      expect(to.downs.length).toBeGreaterThan(0);
      expect(to.downs.every((reason) => reason.length > 0)).toBe(true);
      expect(to.downsAtLastUp).toBe(to.downs.length);

      await to.transport.subscribe(['end']);
      await from.transport.publish('old', Buffer.from('unheard'));
      await from.transport.publish('end', Buffer.from('1'));
      await to.count(1);
      expect(to.texts).toEqual(['end 1']);
      await to.transport.publish('end', Buffer.from('2'));
      await to.count(2);
    });

    it('restarts twice in one breath', async () => {
      const to = await start();
      to.transport.restart();
      to.transport.restart();
      await waitFor('the transport to be up again', () => to.ups.length >= 2);
      await waitFor('the transport to stay up', async () => {
        await to.transport.subscribe(['c']);
        await to.transport.publish('c', Buffer.from('1'));
        return to.messages.length > 0;
      });
    });

    it('closes more than once, also at once, and then refuses and says nothing', async () => {
      const [from, to] = [await start(), await start()];
      await to.transport.subscribe(['c']);
      await Promise.all([to.transport.close(), to.transport.close()]);
      await to.transport.close();
      await expect(to.transport.publish('c', Buffer.from('1'))).rejects.toBeInstanceOf(Error);
      await expect(to.transport.subscribe(['d'])).rejects.toBeInstanceOf(Error);
      await expect(to.transport.unsubscribe(['c'])).rejects.toBeInstanceOf(Error);
      to.transport.restart();

      await from.transport.subscribe(['c']);
      await from.transport.publish('c', Buffer.from('2'));
      await from.count(1);
      expect(to).toMatchObject({ messages: [], downs: [] });
      expect(to.ups).toHaveLength(1);
    });

    it('closes before it was started', async () => {
      const transport = await backend.make();
      await transport.close();
      await transport.close();
    });

    it('does not hold up others when one of them closes in the middle of messages', async () => {
      const [from, one, two] = [await start(), await start(), await start()];
      await Promise.all([one, two].map(({ transport }) => transport.subscribe(['c'])));
      const sent: Promise<void>[] = [];
      for (let i = 0; i < 1_000; i++)
        sent.push(from.transport.publish('c', Buffer.from([i & 255])));
      await one.transport.close();
      await Promise.all(sent);
      await two.count(1_000);
      const heard = one.messages.length;
      await from.transport.publish('c', Buffer.from([1]));
      await two.count(1_001);
      expect(one.messages).toHaveLength(heard);
    });

    describe('its logs', () => describeLogs(start));
  });
}
