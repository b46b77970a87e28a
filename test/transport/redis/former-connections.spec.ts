import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { FormerConnections } from '../../../lib/transport/redis/former-connections.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { describeWithRedis, RedisServer } from '../../support/redis-server.js';
import { sourceOf } from '../../support/redis-source.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';

const HELD_UP_MS = 1_500;

describeWithRedis('A connection that was given up', () => {
  const track = closeAfterEach();

  it('brings nothing any more once the next one has: what the network has held up of it', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const heard: string[] = [];
    const control = new Redis(redis.url);
    track({ dispose: () => control.disconnect() });
    await control.subscribe('c');
    control.on('message', (_, text: string) => heard.push(text));

    const transport = new RedisTransport(sourceOf(`redis://127.0.0.1:${proxy.port}`));
    track({ dispose: () => transport.close() });
    let ups = 0;
    await transport.start({ message: () => {}, up: () => ups++, down: () => {} });
    await transport.publish('c', Buffer.from('first'));
    await waitFor('the first message', () => heard.length === 1);

    const before = ups;
    proxy.delay(HELD_UP_MS);
    const old = transport.publish('c', Buffer.from('old'));
    transport.flush();
    const held = performance.now();
    // What is on its way stays so; what comes later overtakes it.
    await nextTurn(5);
    proxy.delay(0);
    transport.restart();
    await expect(old).rejects.toThrow('the connection was closed');
    await waitFor('the next connection', () => ups > before);
    await transport.publish('c', Buffer.from('new'));
    await delay(held + HELD_UP_MS + 300 - performance.now());
    await transport.publish('c', Buffer.from('end'));
    await waitFor('the last message', () => heard.includes('end'));
    expect(heard).toEqual(['first', 'new', 'end']);
  });

  it('is ended by the one after the next, where the next was lost before Redis had read anything', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const lost = track(await TcpProxy.start(redis.port));
    const heard: string[] = [];
    const control = new Redis(redis.url);
    track({ dispose: () => control.disconnect() });
    await control.subscribe('c');
    control.on('message', (_, text: string) => heard.push(text));

    const client = new Redis(proxy.port, { maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    track({ dispose: () => client.disconnect() });
    client.on('error', () => {});
    const former = new FormerConnections(client);
    await once(client, 'ready');
    former.replace();
    await client.publish('c', 'first');

    proxy.delay(HELD_UP_MS);
    client.publish('c', 'old').catch(() => {});
    const held = performance.now();
    await nextTurn(5);
    proxy.delay(0);
    proxy.switchTo(lost.port);
    client.disconnect(true);
    await once(client, 'ready');
    lost.stall('toServer');
    former.replace();
    const sent = lost.bytes.toServer;
    await waitFor('the network to have it', () => lost.bytes.toServer > sent);
    proxy.switchTo(redis.port);
    lost.cut();
    await once(client, 'ready');
    former.replace();
    await client.publish('c', 'new');
    await delay(held + HELD_UP_MS + 300 - performance.now());
    await client.publish('c', 'end');
    await waitFor('the last message', () => heard.includes('end'));
    expect(heard).toEqual(['first', 'new', 'end']);
  });
});
