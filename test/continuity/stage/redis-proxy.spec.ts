import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { closeAfterEach } from '../../support/cleanup.js';
import { describeWithRedis, RedisServer } from '../../support/redis-server.js';
import { waitFor, waitForEvent } from '../../support/wait-for.js';
import { RedisProxy } from './redis-proxy.js';

describeWithRedis('The proxy of an instance', () => {
  const track = closeAfterEach();

  async function stage() {
    const redis = track(await RedisServer.start());
    const proxy = track(await RedisProxy.start(redis.port));
    const connect = () => {
      const client = new Redis(proxy.port, {
        retryStrategy: () => 10,
        maxRetriesPerRequest: null,
        disconnectTimeout: 100,
      });
      client.on('error', () => {});
      track({ dispose: () => client.disconnect() });
      return client;
    };
    const heard: string[] = [];
    const subscriber = connect();
    subscriber.on('message', (channel, text) => heard.push(`${channel} ${text}`));
    await subscriber.subscribe('a', 'b');
    const commands = connect();
    await commands.set('k', 'v');
    return { redis, proxy, commands, subscriber, heard };
  }

  it('forwards', async () => {
    const { commands, heard } = await stage();
    await commands.publish('a', '1\r\n2');
    await waitFor('the message', () => heard.length === 1);
    expect(heard).toEqual(['a 1\r\n2']);
  });

  it('cuts each role alone, for a moment or for longer', async () => {
    const { proxy, commands, subscriber } = await stage();
    let closes = 0;
    subscriber.on('close', () => closes++);
    const closed = waitForEvent(commands, 'close');
    proxy.block(['commands']);
    await closed;
    const answer = commands.get('k');
    await waitForEvent(commands, 'close');
    expect(closes).toBe(0);
    proxy.admit(['commands']);
    expect(await answer).toBe('v');

    const gone = waitForEvent(subscriber, 'close');
    proxy.cut(['subscriber']);
    await gone;
    expect(await commands.get('k')).toBe('v');
  });

  it('drops single messages, and nothing else', async () => {
    const { proxy, commands, subscriber, heard } = await stage();
    let count = 0;
    proxy.drop((channel) => channel === 'a' && ++count % 2 === 0);
    for (const text of ['1', '2', '3', '4', '5']) await commands.publish('a', text);
    await commands.publish('b', '2');
    await subscriber.subscribe('c');
    await waitFor('the last', () => heard.at(-1) === 'b 2');
    expect(heard).toEqual(['a 1', 'a 3', 'a 5', 'b 2']);
    expect(proxy.dropped).toBe(2);
  });

  it('delays and stalls each role alone, and heals', async () => {
    const { proxy, commands, heard } = await stage();
    proxy.stall(['subscriber']);
    await commands.publish('a', '1');
    await commands.publish('a', '2');
    expect(heard).toEqual([]);
    proxy.delay(['commands'], 40);
    const asked = performance.now();
    await commands.get('k');
    expect(performance.now() - asked).toBeGreaterThanOrEqual(75);
    proxy.heal();
    await waitFor('both', () => heard.length === 2);
  });

  it('leads to another Redis', async () => {
    const { proxy, commands } = await stage();
    const other = track(await RedisServer.start());
    await other.cli('set', 'k', 'another');
    proxy.switchTo(other.port);
    await waitFor('the other', async () => (await commands.get('k')) === 'another');
  });
});
