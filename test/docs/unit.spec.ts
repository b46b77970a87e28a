import { expect, it, jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Backplane } from 'nestjs-redis-backplane';
import { ChatGateway, OrdersService } from './app.js';

it('a gateway sends to the room', () => {
  const emit = jest.fn();
  const to = jest.fn((_room: string) => ({ emit }));
  const gateway = new ChatGateway();
  gateway.server = { to } as never;
  gateway.say({ room: 'lobby', text: 'hello' });
  expect(to).toHaveBeenCalledWith('lobby');
  expect(emit).toHaveBeenCalledWith('said', 'hello');
});

it('a service sends to the hub', async () => {
  const emit = jest.fn();
  const backplane = { hub: () => ({ to: () => ({ emit }) }) };
  const module = await Test.createTestingModule({
    providers: [OrdersService, { provide: Backplane, useValue: backplane }],
  }).compile();
  module.get(OrdersService).changed('7');
  expect(emit).toHaveBeenCalledWith('changed', '7');
});
