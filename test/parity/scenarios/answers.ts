import { UseGuards } from '@nestjs/common';
import { expect } from '@jest/globals';
import {
  Ack,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';

@WebSocketGateway()
class AnsweringGateway extends Echoing {
  @SubscribeMessage('push')
  push() {
    return 'pong';
  }

  @SubscribeMessage('same')
  same(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('nothing')
  nothing() {}

  @SubscribeMessage('fail')
  fail() {
    throw new WsException('failed');
  }

  @SubscribeMessage('break')
  async break() {
    await Promise.resolve();
    throw new Error('a secret of the server');
  }

  @UseGuards({ canActivate: () => false })
  @SubscribeMessage('forbidden')
  forbidden() {}

  @SubscribeMessage('manual')
  async manual(@MessageBody() data: { succeed: boolean }, @Ack() ack: (response: unknown) => void) {
    await Promise.resolve();
    if (data.succeed) ack({ status: 'success', data });
    else ack({ status: 'error', message: 'Operation failed' });
    return { status: 'ignored' };
  }

  @SubscribeMessage('manual-type')
  manualType(@Ack() ack: unknown) {
    return { event: 'type', data: typeof ack };
  }
}

@WebSocketGateway()
class SilentGateway extends Echoing {
  @SubscribeMessage('asked')
  asked() {}

  @SubscribeMessage('noted')
  noted() {}
}

@WebSocketGateway()
class LateGateway {
  @SubscribeMessage('asked')
  async asked() {
    await new Promise((resolve) => setImmediate(resolve));
    return 'late';
  }

  @SubscribeMessage('noted')
  async noted() {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const NO_ANSWERS = 'it knows no answers: it sends what the handler returns, without the id';

const scenarios: Scenario[] = [
  {
    title: "answers a message's id with what its handler returns",
    stock: {
      differs: NO_ANSWERS,
      run: async (world) => {
        const { client } = await world.enter([AnsweringGateway]);
        client.sendEvent('push', { a: 1 }, 7);
        expect(await client.next()).toBe('pong');
      },
    },
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      client.sendEvent('push', { a: 1 }, 7);
      expect(await client.next()).toEqual({ id: 7, data: 'pong' });
      client.sendEvent('push', undefined, 'a string');
      expect(await client.next()).toEqual({ id: 'a string', data: 'pong' });
      for (const value of [0, false, '', [], {}, 'text']) {
        expect(await client.request('same', value)).toEqual(value);
      }
    },
  },
  {
    title: 'answers an id also where the handler returns nothing',
    stock: {
      differs: NO_ANSWERS,
      run: async (world) => {
        const { client } = await world.enter([AnsweringGateway]);
        client.sendEvent('nothing', undefined, 1);
        expect(await client.settle()).toEqual([]);
      },
    },
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      client.sendEvent('nothing', undefined, 1);
      expect(await client.next()).toMatchObject({ id: 1 });
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title:
      'answers an id with what one of two gateways returns, though the other is silent and sooner',
    stock: {
      differs: NO_ANSWERS,
      run: async (world) => {
        const { client } = await world.enter([SilentGateway, LateGateway]);
        client.sendEvent('asked', undefined, 7);
        expect(await client.next()).toBe('late');
      },
    },
    run: async (world) => {
      const { client } = await world.enter([SilentGateway, LateGateway]);
      client.sendEvent('asked', undefined, 7);
      expect(await client.next()).toEqual({ id: 7, data: 'late' });
      client.sendEvent('noted', undefined, 8);
      expect(await client.next()).toEqual({ id: 8, data: null });
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'answers an id with the failure of its handler or guard',
    stock: {
      differs: 'it knows no answers: failures arrive as exceptions, without the id',
      run: async (world) => {
        const { client } = await world.enter([AnsweringGateway]);
        client.sendEvent('fail', undefined, 1);
        expect(await client.next()).toMatchObject({
          event: 'exception',
          data: { message: 'failed' },
        });
      },
    },
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      const failures = [
        ['fail', 'failed'],
        ['break', 'Internal server error'],
        ['forbidden', 'Forbidden resource'],
      ] as const;
      for (const [event, message] of failures) {
        client.sendEvent(event, 'x', 9);
        expect(await client.next()).toMatchObject({ id: 9, error: { status: 'error', message } });
      }
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'gives @Ack() a function that answers, and ignores what its handler returns',
    stock: {
      differs: 'there @Ack() is undefined',
      run: async (world) => {
        const { client } = await world.enter([AnsweringGateway]);
        client.sendEvent('manual-type', undefined, 1);
        expect(await client.next()).toEqual({ event: 'type', data: 'undefined' });
      },
    },
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      client.sendEvent('manual', { succeed: true }, 1);
      expect(await client.next()).toEqual({
        id: 1,
        data: { status: 'success', data: { succeed: true } },
      });
      client.sendEvent('manual', { succeed: false }, 2);
      expect(await client.next()).toEqual({
        id: 2,
        data: { status: 'error', message: 'Operation failed' },
      });
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'tells apart the answers to requests that overlap',
    stock: {
      differs: NO_ANSWERS,
      run: async (world) => {
        const { client } = await world.enter([AnsweringGateway]);
        client.sendEvent('same', 'a', 1);
        client.sendEvent('same', 'b', 2);
        expect(await client.frames(2)).toEqual(['a', 'b']);
      },
    },
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      const values = Array.from({ length: 50 }, (_, i) => `value ${i}`);
      expect(await Promise.all(values.map((value) => client.request('same', value)))).toEqual(
        values,
      );
    },
  },
  {
    title: 'answers nothing to a message without an id',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([AnsweringGateway]);
      client.sendEvent('push');
      expect(await client.settle()).toEqual(['pong']);
      client.sendEvent('nothing');
      expect(await client.settle()).toEqual([]);
    },
  },
];

export const answers: ScenarioGroup = { theme: 'answers and @Ack()', scenarios };
