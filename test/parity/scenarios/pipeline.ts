import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { expect } from '@jest/globals';
import {
  BaseWsExceptionFilter,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { IsString } from 'class-validator';
import { map } from 'rxjs';
import type { WebSocket } from 'ws';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import { NEST_MAJOR } from '../target.js';

const exception = (data: unknown) => ({ event: 'exception', data });

@WebSocketGateway()
class FailingGateway extends Echoing {
  @SubscribeMessage('ws-exception')
  wsException() {
    throw new WsException('not today');
  }

  @SubscribeMessage('ws-exception-object')
  wsExceptionObject() {
    throw new WsException({ code: 7, detail: ['own'] });
  }

  @SubscribeMessage('error')
  error() {
    throw new Error('a secret of the server');
  }

  @SubscribeMessage('http-exception')
  async httpException() {
    await Promise.resolve();
    throw new BadRequestException('a secret too');
  }

  @SubscribeMessage('rejection')
  rejection() {
    return Promise.reject(new WsException('later'));
  }

  @SubscribeMessage('not-an-error')
  notAnError() {
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw 'a string';
  }
}

class Said {
  @IsString()
  text!: string;
}

class PatternGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.getType() === 'ws' && context.switchToWs().getPattern() !== 'forbidden';
  }
}

class PatternInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const ws = context.switchToWs();
    const canSend = typeof ws.getClient<WebSocket>().send;
    return next.handle().pipe(
      map((response: object) => ({
        ...response,
        seen: { pattern: ws.getPattern(), data: ws.getData<unknown>(), canSend },
      })),
    );
  }
}

@Catch()
class PatternFilter extends BaseWsExceptionFilter {
  override catch(_error: unknown, host: ArgumentsHost) {
    const ws = host.switchToWs();
    const data = { pattern: ws.getPattern(), data: ws.getData<unknown>() };
    ws.getClient<WebSocket>().send(JSON.stringify({ event: 'filtered', data }));
  }
}

@Catch()
class FailingFilter {
  catch() {
    throw new Error('the filter failed');
  }
}

@Injectable()
class DenyingGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.getType() !== 'ws' || context.switchToWs().getPattern() === 'echo';
  }
}

@Injectable()
class ShoutingPipe implements PipeTransform {
  transform(value: unknown) {
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

@Injectable()
class WrappingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((response: object) => ({ ...response, wrapped: true })));
  }
}

@Catch()
class GlobalFilter {
  catch(_error: unknown, host: ArgumentsHost) {
    host.switchToWs().getClient<WebSocket>().send('"the global filter"');
  }
}

/** A gateway to be met by an app's global guards, pipes, interceptors and filters. */
@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('other')
  other(@MessageBody() data: string) {
    return { event: 'other', data };
  }

  @SubscribeMessage('fail')
  fail() {
    throw new WsException('failed');
  }
}

/** Since 12, all but filters that are global to an app are for its gateways too. */
const GLOBALS_REACH_GATEWAYS = NEST_MAJOR >= 12;

const globals: Scenario[] = (['tokens', 'use-global'] as const).map((way) => ({
  title: `runs an app's global guards, pipes and interceptors as Nest ${NEST_MAJOR} does (${
    way === 'tokens' ? 'APP_* providers' : 'app.useGlobal*'
  })`,
  stock: 'same',
  run: async (world) => {
    const providers: Provider[] = [
      { provide: APP_GUARD, useClass: DenyingGuard },
      { provide: APP_PIPE, useClass: ShoutingPipe },
      { provide: APP_INTERCEPTOR, useClass: WrappingInterceptor },
      { provide: APP_FILTER, useClass: GlobalFilter },
    ];
    const app = await world.boot({
      providers: [PlainGateway, ...(way === 'tokens' ? providers : [])],
      configure: (nest) => {
        if (way === 'tokens') return;
        nest.useGlobalGuards(new DenyingGuard());
        nest.useGlobalPipes(new ShoutingPipe());
        nest.useGlobalInterceptors(new WrappingInterceptor());
        nest.useGlobalFilters(new GlobalFilter());
      },
    });
    const client = await world.connect(app.url());
    const answerTo = (event: string) => {
      client.sendEvent(event, 'hi');
      return client.next();
    };
    const echo = await answerTo('echo');
    const other = await answerTo('other');
    const fail = await answerTo('fail');
    if (GLOBALS_REACH_GATEWAYS) {
      expect(echo).toEqual({ event: 'echo', data: 'HI', wrapped: true });
      expect(other).toMatchObject(exception({ message: 'Forbidden resource' }));
      expect(fail).toMatchObject(exception({ message: 'Forbidden resource' }));
    } else {
      expect(echo).toEqual({ event: 'echo', data: 'hi' });
      expect(other).toEqual({ event: 'other', data: 'hi' });
      expect(fail).toMatchObject(exception({ message: 'failed' }));
    }
  },
}));

const scenarios: Scenario[] = [
  {
    title: 'sends a WsException as an exception, with its cause',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([FailingGateway]);
      client.sendEvent('ws-exception', { a: [1] });
      expect(await client.next()).toEqual(
        exception({
          status: 'error',
          message: 'not today',
          cause: { pattern: 'ws-exception', data: { a: [1] } },
        }),
      );
      client.sendEvent('rejection');
      expect(await client.next()).toEqual(
        exception({ status: 'error', message: 'later', cause: { pattern: 'rejection' } }),
      );
    },
  },
  {
    title: 'sends the object of a WsException as it is',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([FailingGateway]);
      client.sendEvent('ws-exception-object', 1);
      expect(await client.next()).toEqual(exception({ code: 7, detail: ['own'] }));
    },
  },
  {
    title: 'tells a client nothing of any other error',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([FailingGateway]);
      for (const pattern of ['error', 'http-exception', 'not-an-error']) {
        client.sendEvent(pattern, 'x');
        expect(await client.next()).toEqual(
          exception({
            status: 'error',
            message: 'Internal server error',
            cause: { pattern, data: 'x' },
          }),
        );
      }
    },
  },
  {
    title: 'logs an unexpected error once',
    stock: 'same',
    run: async (world) => {
      const { app, client } = await world.enter([FailingGateway]);
      client.sendEvent('error');
      await client.next();
      expect(app.log.matching('a secret of the server')).toHaveLength(1);
    },
  },
  {
    title: 'serves a client on after its message has failed',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([FailingGateway]);
      for (const pattern of ['error', 'ws-exception', 'rejection']) client.sendEvent(pattern);
      expect(await client.settle()).toHaveLength(3);
      expect(client.closeInfo).toBeUndefined();
    },
  },
  {
    title: 'logs what a filter throws, and serves the client on',
    stock: 'same',
    run: async (world) => {
      @UseFilters(FailingFilter)
      @WebSocketGateway()
      class BadlyFilteredGateway extends Echoing {
        @SubscribeMessage('fail')
        fail() {
          throw new Error('first');
        }
      }
      const { app, client } = await world.enter([BadlyFilteredGateway]);
      client.sendEvent('fail');
      client.sendEvent('fail');
      await client.settle();
      // The backplane's adapter throttles the line by its kind.
      expect(app.log.matching('the filter failed').length).toBeGreaterThan(0);
    },
  },
  {
    title: 'answers "Forbidden resource" where a guard says no',
    stock: 'same',
    run: async (world) => {
      let calls = 0;
      @UseGuards(PatternGuard)
      @WebSocketGateway()
      class GuardedGateway extends Echoing {
        @SubscribeMessage('forbidden')
        forbidden() {
          calls++;
        }
      }
      const { client } = await world.enter([GuardedGateway]);
      client.sendEvent('forbidden', 1);
      expect(await client.next()).toEqual(
        exception({
          status: 'error',
          message: 'Forbidden resource',
          cause: { pattern: 'forbidden', data: 1 },
        }),
      );
      expect(await client.settle()).toEqual([]);
      expect(calls).toBe(0);
    },
  },
  {
    title: 'shows an interceptor the client, the data and the pattern',
    stock: 'same',
    run: async (world) => {
      @UseInterceptors(PatternInterceptor)
      @WebSocketGateway()
      class InterceptedGateway extends Echoing {}
      const { client } = await world.enter([InterceptedGateway]);
      client.sendEvent('echo', [1]);
      expect(await client.next()).toEqual({
        event: 'echo',
        data: [1],
        seen: { pattern: 'echo', data: [1], canSend: 'function' },
      });
    },
  },
  {
    title: 'calls a handler with client, data, event and pattern, and nothing else',
    stock: 'same',
    run: async (world) => {
      let args: unknown[] = [];
      @UseInterceptors({
        intercept: (context: ExecutionContext, next: CallHandler) => {
          args = context.getArgs();
          return next.handle();
        },
      })
      @WebSocketGateway()
      class ObservedGateway extends Echoing {}
      const { client } = await world.enter([ObservedGateway]);
      client.sendEvent('echo', [1]);
      await client.next();
      const [, data, event, ...rest] = args;
      expect([data, event]).toEqual([[1], 'echo']);
      expect(new Set(rest)).toEqual(new Set(['echo'])); // the pattern, which Nest 11 adds twice
    },
  },
  {
    title: 'shows a filter the client, the data and the pattern',
    stock: 'same',
    run: async (world) => {
      @UseFilters(PatternFilter)
      @WebSocketGateway()
      class FilteredGateway {
        @SubscribeMessage('fail')
        fail() {
          throw new Error('x');
        }
      }
      const { client } = await world.enter([FilteredGateway]);
      client.sendEvent('fail', 2);
      expect(await client.next()).toEqual({
        event: 'filtered',
        data: { pattern: 'fail', data: 2 },
      });
    },
  },
  {
    title: "leaves the cause out where the app's filter says so",
    stock: 'same',
    run: async (world) => {
      @UseFilters(new BaseWsExceptionFilter({ includeCause: false }))
      @WebSocketGateway()
      class DiscreetGateway {
        @SubscribeMessage('fail')
        fail() {
          throw new WsException('no cause');
        }
      }
      const { client } = await world.enter([DiscreetGateway]);
      client.sendEvent('fail', 'private');
      expect(await client.next()).toEqual(exception({ status: 'error', message: 'no cause' }));
    },
  },
  {
    title: 'validates with a pipe, whose exception factory speaks for it',
    stock: 'same',
    run: async (world) => {
      @UsePipes(
        new ValidationPipe({
          transform: true,
          exceptionFactory: (errors) =>
            new WsException({ invalid: errors.map(({ property }) => property) }),
        }),
      )
      @WebSocketGateway()
      class ValidatingGateway {
        @SubscribeMessage('say')
        say(@MessageBody() said: Said) {
          return { event: 'said', data: { text: said.text, isSaid: said instanceof Said } };
        }
      }
      const { client } = await world.enter([ValidatingGateway]);
      client.sendEvent('say', { text: 'hi' });
      expect(await client.next()).toEqual({ event: 'said', data: { text: 'hi', isSaid: true } });
      client.sendEvent('say', { text: 5 });
      expect(await client.next()).toEqual(exception({ invalid: ['text'] }));
    },
  },
  {
    title: 'runs guard, interceptor, pipe and handler in this order',
    stock: 'same',
    run: async (world) => {
      const order: string[] = [];
      const note = (step: string) => order.push(step);
      @UseGuards({ canActivate: () => note('guard') > 0 })
      @UseInterceptors({
        intercept: (_context: ExecutionContext, next: CallHandler) => {
          note('interceptor before');
          return next.handle().pipe(
            map((value: unknown) => {
              note('interceptor after');
              return value;
            }),
          );
        },
      })
      @UsePipes({
        transform: (value: unknown) => {
          note('pipe');
          return value;
        },
      })
      @WebSocketGateway()
      class OrderedGateway {
        @SubscribeMessage('go')
        go(@MessageBody() data: unknown) {
          note('handler');
          return { event: 'went', data };
        }
      }
      const { client } = await world.enter([OrderedGateway]);
      client.sendEvent('go', 1);
      expect(await client.next()).toEqual({ event: 'went', data: 1 });
      expect(order).toEqual([
        'guard',
        'interceptor before',
        'pipe',
        'handler',
        'interceptor after',
      ]);
    },
  },
  ...globals,
];

export const pipeline: ScenarioGroup = {
  theme: 'guards, pipes, interceptors and filters',
  scenarios,
};
