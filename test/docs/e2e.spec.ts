import { afterEach, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { appModule, OrdersService } from './app.js';
import { TestClient } from './test-client.js';

let app: INestApplication;

afterEach(() => app.close());

async function start() {
  const imports = [appModule({ redis: 'memory' })];
  app = (await Test.createTestingModule({ imports }).compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
  return (await app.getUrl()).replace('http', 'ws');
}

it('members of a room hear each other, and others do not', async () => {
  const url = await start();
  const ada = await TestClient.connect(`${url}/chat`);
  const ben = await TestClient.connect(`${url}/chat`);
  const eve = await TestClient.connect(`${url}/chat`);
  await ada.ask('join', 'lobby');
  await ben.ask('join', 'lobby');
  await eve.ask('join', 'cellar');

  await ada.ask('say', { room: 'lobby', text: 'hello' });
  expect(await ben.next('said')).toBe('hello');

  // Nothing came to eve: what is sent to her later comes first.
  await ben.ask('say', { room: 'cellar', text: 'the first that she hears' });
  expect(await eve.next('said')).toBe('the first that she hears');
});

it('a service reaches clients', async () => {
  const client = await TestClient.connect(`${await start()}/chat`);
  await client.ask('join', 'order:7');
  app.get(OrdersService, { strict: false }).changed('7');
  expect(await client.next('changed')).toBe('7');
});
