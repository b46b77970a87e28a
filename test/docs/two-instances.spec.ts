import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Backplane } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { appModule } from './app.js';
import { TestClient } from './test-client.js';

const apps: INestApplication[] = [];

afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

/** One more instance; resolves when it hears the others, and they it. */
async function instance(redis: string, eventKey: string) {
  const imports = [appModule({ redis, eventKeys: [eventKey] })];
  const app = (await Test.createTestingModule({ imports }).compile()).createNestApplication();
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  await app.get(Backplane).ready();
  return `${(await app.getUrl()).replace('http', 'ws')}/chat`;
}

async function expectOne(redis: string) {
  const eventKey = `test-${randomUUID()}`; // apart from other tests on the same Redis
  const here = await TestClient.connect(await instance(redis, eventKey));
  const there = await TestClient.connect(await instance(redis, eventKey));
  await there.ask('join', 'lobby');
  await here.ask('say', { room: 'lobby', text: 'hello' });
  expect(await there.next('said')).toBe('hello');
}

it('two instances are one', () => expectOne(process.env.TEST_REDIS_URL ?? 'memory'));

describeWithRedis('over Redis', () => {
  const track = closeAfterEach();

  it('two instances are one', async () => expectOne(track(await RedisServer.start()).url));
});
