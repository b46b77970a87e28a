import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  SetMetadata,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { type BackplaneSocket, RedisBackplaneModule } from 'nestjs-redis-backplane';
import {
  BehaviorSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  repeat,
  retry,
  share,
  Subject,
  take,
  takeUntil,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { closeAfterEach } from '../support/cleanup.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

const INTERNAL = { status: 'error', message: 'Internal server error' };
const failedWith = (message: string) => ({ status: 'error', message });

type Ackable = (data?: unknown) => void;

@Catch()
class SilentFilter implements ExceptionFilter {
  catch() {}
}

@Catch()
class OwnEventFilter implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost) {
    host.switchToWs().getClient<BackplaneSocket>().emit('error', error.message);
  }
}

/** How a filter may word the exception as a frame, other than Nest does. */
const FRAMES: Record<string, (data: unknown) => string | Buffer> = {
  'with its keys in another order': (data) => JSON.stringify({ data, event: 'exception' }),
  'with spaces': (data) => JSON.stringify({ event: 'exception', data }, null, 2),
  'with a member more in front': (data) => JSON.stringify({ at: 1, event: 'exception', data }),
  'as bytes': (data) => Buffer.from(JSON.stringify({ event: 'exception', data })),
};

@Catch()
class FrameFilter implements ExceptionFilter {
  constructor(private readonly frame: (data: unknown) => string | Buffer) {}

  catch(error: Error, host: ArgumentsHost) {
    const client = host.switchToWs().getClient<BackplaneSocket>();
    client.send(this.frame({ status: 'error', message: `framed ${error.message}` }));
  }
}

@Catch()
class AsyncFilter implements ExceptionFilter {
  async catch(error: Error, host: ArgumentsHost) {
    await new Promise((resolve) => setImmediate(resolve));
    const data = { status: 'error', message: `late ${error.message}` };
    const client = host.switchToWs().getClient<BackplaneSocket>();
    client.send(JSON.stringify({ event: 'exception', data }));
  }
}

@Catch()
class AckFilter implements ExceptionFilter {
  constructor(
    private readonly find: (host: ArgumentsHost) => unknown,
    private readonly data: (error: Error) => unknown = (error) => ({ told: error.message }),
  ) {}

  catch(error: Error, host: ArgumentsHost) {
    (this.find(host) as Ackable)(this.data(error));
  }
}

const hot = new Map<string, Subject<unknown>>();
const hotOf = (name: string): Subject<unknown> => {
  if (!hot.has(name)) hot.set(name, new Subject());
  return hot.get(name)!;
};

/** The ways in which a method of a gateway fails to give a value. */
const endings: Record<string, () => unknown> = {
  throws: () => {
    throw new WsException('thrown');
  },
  rejects: async () => {
    throw new WsException('rejected');
  },
  breaks: () => {
    throw new Error('a secret');
  },
  errs: () => throwError(() => new WsException('erred')),
  'errs later': () =>
    timer(1).pipe(
      map(() => {
        throw new WsException('erred later');
      }),
    ),
  'errs, asynchronously made': async () => throwError(() => new WsException('erred')),
  'errs after undefined': () =>
    concat(
      of(undefined),
      throwError(() => new WsException('erred')),
    ),
};

function gatewayWith(...decorators: ClassDecorator[]): Type {
  @WebSocketGateway()
  class Gateway {
    #attempts = 0;

    @SubscribeMessage('end')
    end(@MessageBody() how: string) {
      return endings[how]!();
    }

    @SubscribeMessage('void')
    void() {}

    @SubscribeMessage('void, asynchronously')
    async voidLater() {
      await new Promise((resolve) => setImmediate(resolve));
    }

    @SubscribeMessage('empty')
    empty() {
      return EMPTY;
    }

    @SubscribeMessage('value')
    value() {
      return 'a value';
    }

    @SubscribeMessage('values')
    values() {
      return concat(
        of(1, 2),
        throwError(() => new WsException('after values')),
      );
    }

    @SubscribeMessage('all')
    all() {
      return of(1, 2).pipe(repeat());
    }

    @SubscribeMessage('never')
    never() {
      return NEVER;
    }

    @SubscribeMessage('retried')
    retried() {
      if (++this.#attempts < 3) throw new WsException('not yet');
    }

    @SubscribeMessage('slow once')
    async slowOnce() {
      if (++this.#attempts === 1) await new Promise(() => {});
    }

    @SubscribeMessage('calls another')
    async callsAnother() {
      await this.rejected().catch(() => {});
    }

    @SubscribeMessage('rejected')
    async rejected() {
      throw new WsException('rejected');
    }

    @SubscribeMessage('acks')
    acks(@Ack() ack: Ackable) {
      ack('acked');
      throw new WsException('after its ack');
    }

    @SubscribeMessage('acks never')
    acksNever(@Ack() _ack: Ackable) {
      throw new WsException('before its ack');
    }

    @SubscribeMessage('hot')
    hot(@MessageBody() name: string) {
      return hotOf(name);
    }

    @SubscribeMessage('hot, asynchronously')
    async hotLater(@MessageBody() name: string) {
      return hotOf(name);
    }

    @SubscribeMessage('break hot')
    async breakHot(@MessageBody() name: string) {
      await new Promise((resolve) => setImmediate(resolve));
      hotOf(name).error(new WsException(`${name} broke`));
    }
  }
  Reflect.decorate(decorators, Gateway);
  return Gateway;
}

let lastKey = 0;

describe('a handler that failed', () => {
  const track = closeAfterEach();
  guardProcess();

  async function enter(...providers: Type[]) {
    const key = `failed-handlers-${++lastKey}`;
    const app = track(
      await bootApp({
        imports: [RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys: [key] })],
        providers,
      }),
    );
    const connect = async () => track(await WsClient.connect(app.url()));
    return { app, connect, client: await connect() };
  }

  const answerTo = (client: WsClient, id: unknown) =>
    client.take(
      `the answer ${String(id)}`,
      (frame) =>
        (frame as { id?: unknown }).id === id && (frame as { event?: unknown }).event === undefined,
    );

  let lastId = 100;
  async function ask(client: WsClient, event: string, data?: unknown) {
    const id = ++lastId;
    client.sendEvent(event, data, id);
    const { id: _, ...answer } = (await answerTo(client, id)) as Record<string, unknown>;
    return answer;
  }

  describe('behind a filter that', () => {
    const texts: [string, unknown][] = [
      ['throws', failedWith('thrown')],
      ['rejects', failedWith('rejected')],
      ['breaks', INTERNAL],
      ['errs', failedWith('erred')],
      ['errs later', failedWith('erred later')],
      ['errs, asynchronously made', failedWith('erred')],
      ['errs after undefined', failedWith('erred')],
    ];

    it.each(texts)('says nothing: a method that %s is a failure', async (how, error) => {
      const { client } = await enter(gatewayWith(UseFilters(new SilentFilter())));
      expect(await ask(client, 'end', how)).toEqual({ error });
    });

    it.each(texts)('sends an event of its own: a method that %s is', async (how, error) => {
      const { client } = await enter(gatewayWith(UseFilters(new OwnEventFilter())));
      expect(await ask(client, 'end', how)).toEqual({ error });
      expect(client.received.map((frame) => (frame as { event?: string }).event)).toEqual([
        'error',
        undefined,
      ]);
    });

    it.each(Object.keys(FRAMES))('sends the exception %s: that is the answer', async (name) => {
      const { client } = await enter(gatewayWith(UseFilters(new FrameFilter(FRAMES[name]!))));
      expect(await ask(client, 'end', 'throws')).toEqual({ error: failedWith('framed thrown') });
      expect(await client.settle((token) => client.sendEvent(token, token, token))).toEqual([]);
    });

    it.each([undefined, null, '', 0, false])(
      'says %p: that is no error to a client',
      async (word) => {
        const filter = {
          catch: (_error: unknown, host: ArgumentsHost) =>
            host.switchToWs().getClient<BackplaneSocket>().emit('exception', word),
        };
        const { client } = await enter(gatewayWith(UseFilters(filter)));
        expect(await ask(client, 'end', 'throws')).toEqual({ error: INTERNAL });
      },
    );

    it('is async: the answer does not wait, and what it sends comes as it is', async () => {
      const { client } = await enter(gatewayWith(UseFilters(new AsyncFilter())));
      expect(await ask(client, 'end', 'rejects')).toEqual({ error: failedWith('rejected') });
      expect(await client.nextEvent('exception')).toEqual(failedWith('late rejected'));
    });

    it.each<[string, (host: ArgumentsHost) => unknown]>([
      ['at index 2', (host) => host.getArgByIndex(2)],
      ['as the function', (host) => host.getArgs().find((arg) => typeof arg === 'function')],
    ])('calls the ack that it finds %s', async (_, find) => {
      const { client } = await enter(gatewayWith(UseFilters(new AckFilter(find))));
      expect(await ask(client, 'end', 'throws')).toEqual({ error: { told: 'thrown' } });
      expect(await ask(client, 'end', 'errs later')).toEqual({ error: { told: 'erred later' } });
    });

    it('calls the ack without a word', async () => {
      const filter = new AckFilter(
        (host) => host.getArgByIndex(2),
        () => undefined,
      );
      const { client } = await enter(gatewayWith(UseFilters(filter)));
      expect(await ask(client, 'end', 'throws')).toEqual({ error: failedWith('thrown') });
      expect(await ask(client, 'end', 'breaks')).toEqual({ error: INTERNAL });
    });

    it('calls the ack of a method that never ran', async () => {
      const find = (host: ArgumentsHost) => host.getArgByIndex(2);
      const { client } = await enter(
        gatewayWith(UseFilters(new AckFilter(find)), UseGuards({ canActivate: () => false })),
      );
      expect(await ask(client, 'value')).toEqual({ error: { told: 'Forbidden resource' } });
    });
  });

  describe('or never ran, behind a filter that says nothing:', () => {
    const refusing: [string, ClassDecorator, unknown][] = [
      [
        'a guard refused',
        UseGuards({ canActivate: () => false }),
        failedWith('Forbidden resource'),
      ],
      [
        'a guard threw',
        UseGuards({
          canActivate() {
            throw new WsException('not you');
          },
        } satisfies CanActivate),
        failedWith('not you'),
      ],
      [
        'a pipe threw',
        UsePipes({
          async transform() {
            throw new WsException({ field: 'wrong' });
          },
        } satisfies PipeTransform),
        { field: 'wrong' },
      ],
      [
        'an interceptor threw',
        UseInterceptors({
          intercept() {
            throw new WsException('intercepted');
          },
        } satisfies NestInterceptor),
        failedWith('intercepted'),
      ],
      ['an interceptor gave nothing', UseInterceptors({ intercept: () => EMPTY }), INTERNAL],
    ];

    it.each(refusing)('%s', async (_, decorator, error) => {
      const { client } = await enter(gatewayWith(UseFilters(new SilentFilter()), decorator));
      for (const event of ['void', 'value', 'acks'])
        expect(await ask(client, event)).toEqual({ error });
    });
  });

  describe('or is acknowledged by others', () => {
    const acking = (data: unknown, result: boolean) => ({
      canActivate(context: ExecutionContext) {
        context.getArgByIndex<Ackable>(2)(data);
        return result;
      },
    });

    it.each([
      ['a word', 'not you', { error: 'not you' }],
      ['no word', undefined, { error: failedWith('Forbidden resource') }],
    ])('with %s, as by a guard that refuses: a failure', async (_, data, answer) => {
      const { client } = await enter(
        gatewayWith(UseFilters(new SilentFilter()), UseGuards(acking(data, false))),
      );
      expect(await ask(client, 'void')).toEqual(answer);
    });

    it('before the method: a success once that runs', async () => {
      const { client } = await enter(gatewayWith(UseGuards(acking('early', true))));
      expect(await ask(client, 'value')).toEqual({ data: 'early' });
      expect(await ask(client, 'never')).toEqual({ data: 'early' });
    });

    it('instead of the method: a success', async () => {
      const { client } = await enter(
        gatewayWith(
          UseInterceptors({
            intercept(context: ExecutionContext) {
              context.getArgByIndex<Ackable>(2)('instead');
              return EMPTY;
            },
          }),
        ),
      );
      expect(await ask(client, 'void')).toEqual({ data: 'instead' });
    });
  });

  describe('or did not, among interceptors:', () => {
    const intercepted = (intercept: (next: CallHandler) => ReturnType<CallHandler['handle']>) =>
      enter(
        gatewayWith(
          UseFilters(new SilentFilter()),
          UseInterceptors({
            intercept: (_context: ExecutionContext, next: CallHandler) => intercept(next),
          }),
        ),
      );

    it('one that answers itself is a success', async () => {
      const { client } = await intercepted(() => of('cached'));
      expect(await ask(client, 'void')).toEqual({ data: 'cached' });
    });

    it('one that answers null is a success', async () => {
      const { client } = await intercepted(() => of(null));
      expect(await ask(client, 'void')).toEqual({ data: null });
    });

    it('one that passes on what comes changes nothing', async () => {
      const { client } = await intercepted((next) => next.handle());
      expect(await ask(client, 'void')).toEqual({ data: null });
      expect(await ask(client, 'void, asynchronously')).toEqual({ data: null });
      expect(await ask(client, 'empty')).toEqual({ data: null });
      expect(await ask(client, 'value')).toEqual({ data: 'a value' });
      expect(await ask(client, 'end', 'rejects')).toEqual({ error: failedWith('rejected') });
    });

    it('one that swallows the failure leaves it a failure', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(catchError(() => EMPTY)));
      expect(await ask(client, 'void')).toEqual({ data: null });
      expect(await ask(client, 'end', 'rejects')).toEqual({ error: failedWith('rejected') });
    });

    it('one that has a value instead of the failure is a success', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(catchError(() => of(0))));
      expect(await ask(client, 'end', 'rejects')).toEqual({ data: 0 });
    });

    it('one that tries again: the last try counts', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(retry(2)));
      expect(await ask(client, 'retried')).toEqual({ data: null });
      expect(await ask(client, 'end', 'rejects')).toEqual({ error: failedWith('rejected') });
    });

    it('one that does not wait for a try, and tries again: the last try counts', async () => {
      let tries = 0;
      const { client } = await intercepted((next) => {
        tries = 0;
        return defer(() => (tries++, next.handle())).pipe(timeout({ first: 20 }), retry(1));
      });
      expect(await ask(client, 'slow once')).toEqual({ data: null });
      expect(tries).toBe(2);
    });

    it('one that fails afterwards is a failure', async () => {
      const { client } = await intercepted((next) =>
        next.handle().pipe(
          mergeMap(() => {
            throw new WsException('afterwards');
          }),
        ),
      );
      expect(await ask(client, 'void')).toEqual({ error: failedWith('afterwards') });
    });

    it('one that gives up waiting is a failure', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(timeout(5)));
      expect(await ask(client, 'never')).toEqual({ error: INTERNAL });
    });

    it('one that cuts the method short without a value is a failure', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(takeUntil(timer(5))));
      expect(await ask(client, 'never')).toEqual({ error: INTERNAL });
    });

    it('one that takes the first of endless values is a success', async () => {
      const { client } = await intercepted((next) => next.handle().pipe(take(1)));
      expect(await ask(client, 'all')).toEqual({ data: 1 });
    });

    it('one that shares an Observable among requests fails each under its own id', async () => {
      const shared = new Subject<never>();
      const { client, app } = await intercepted((next) => merge(next.handle(), shared));
      for (const id of [1, 2, 3]) client.sendEvent('never', undefined, id);
      await waitFor('three', () => shared.observers.length === 3);
      shared.error(new WsException('shared'));
      for (const id of [3, 1, 2])
        expect(await answerTo(client, id)).toEqual({ id, error: failedWith('shared') });
      expect(app.log.matching(/^(ERROR|WARN)/)).toEqual([]);
    });

    it('one that runs the method once for several', async () => {
      let flight: ReturnType<CallHandler['handle']> | undefined;
      const { client } = await intercepted(
        (next) => (flight ??= next.handle().pipe(take(1), share())),
      );
      for (const id of [1, 2]) client.sendEvent('end', 'errs later', id);
      for (const id of [1, 2])
        expect(await answerTo(client, id)).toEqual({ id, error: failedWith('erred later') });
    });
  });

  describe('or not:', () => {
    it('a method that ends well and gives nothing is a success', async () => {
      const { client } = await enter(gatewayWith());
      for (const event of ['void', 'void, asynchronously', 'empty', 'calls another'])
        expect(await ask(client, event)).toEqual({ data: null });
    });

    it('a first value is the answer, whatever comes after it', async () => {
      const { client } = await enter(gatewayWith(UseFilters(new SilentFilter())));
      expect(await ask(client, 'values')).toEqual({ data: 1 });
    });

    it('what a handler acknowledged stays, and what it does not is a failure', async () => {
      const { client } = await enter(gatewayWith(UseFilters(new SilentFilter())));
      expect(await ask(client, 'acks')).toEqual({ data: 'acked' });
      expect(await ask(client, 'acks never')).toEqual({ error: failedWith('before its ack') });
    });
  });

  it('is a failure also of a gateway that is made for each client', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Dependency {}

    @UseFilters(new SilentFilter())
    @WebSocketGateway()
    class ScopedGateway {
      constructor(readonly dependency: Dependency) {
        this.bound = this.bound.bind(this);
      }

      @SubscribeMessage('fails')
      async fails() {
        throw new WsException('scoped');
      }

      @SubscribeMessage('bound')
      bound() {
        throw new WsException('bound');
      }

      @SubscribeMessage('works')
      works() {}
    }

    const { client } = await enter(ScopedGateway, Dependency);
    expect(await ask(client, 'fails')).toEqual({ error: failedWith('scoped') });
    expect(await ask(client, 'bound')).toEqual({ error: failedWith('bound') });
    expect(await ask(client, 'works')).toEqual({ data: null });
  });

  it('is a failure also where the method is inherited, overridden, or one of several', async () => {
    abstract class Base {
      @SubscribeMessage('inherited')
      inherited() {
        throw new WsException('inherited');
      }

      @SubscribeMessage('overridden')
      async overridden(): Promise<void> {
        throw new WsException('of the base');
      }
    }

    @UseFilters(new SilentFilter())
    @WebSocketGateway()
    class One extends Base {
      @SubscribeMessage('overridden')
      override async overridden() {
        await super.overridden().catch(() => {});
      }

      @SubscribeMessage('both')
      both() {
        throw new WsException('one of both');
      }
    }

    @UseFilters(new SilentFilter())
    @WebSocketGateway()
    class Other {
      @SubscribeMessage('both')
      async both(@MessageBody() value: unknown) {
        await new Promise((resolve) => setImmediate(resolve));
        return value;
      }
    }

    const { client } = await enter(One, Other);
    expect(await ask(client, 'inherited')).toEqual({ error: failedWith('inherited') });
    expect(await ask(client, 'overridden')).toEqual({ data: null });
    expect(await ask(client, 'both', 'a value')).toEqual({ data: 'a value' });
    expect(await ask(client, 'both')).toEqual({ error: failedWith('one of both') });
  });

  it('keeps what decorators noted of the method, and its name', async () => {
    let seen: unknown;

    @UseInterceptors({
      intercept(context: ExecutionContext, next: CallHandler) {
        const handler = context.getHandler();
        const { name, length } = handler;
        const role = Reflect.getMetadata('role', handler) as unknown;
        seen = { name, length, role, same: handler === Noted.prototype.noted };
        return next.handle();
      },
    })
    @WebSocketGateway()
    class Noted {
      @SetMetadata('role', 'admin')
      @SubscribeMessage('noted')
      noted(@ConnectedSocket() _client: unknown, @MessageBody() data: unknown) {
        return data;
      }
    }

    const { client } = await enter(Noted);
    expect(await ask(client, 'noted', 1)).toEqual({ data: 1 });
    expect(seen).toEqual({ name: 'noted', length: 2, role: 'admin', same: true });
  });

  it('is untouched where the app calls the method itself', async () => {
    const values = new BehaviorSubject('a value');

    @WebSocketGateway()
    class Called {
      @SubscribeMessage('values')
      values() {
        return values;
      }
    }

    const { app } = await enter(Called);
    expect(app.app.get(Called).values()).toBe(values);
  });

  describe('by an Observable that requests share', () => {
    it.each(['hot', 'hot, asynchronously'])('(%s): each fails under its own id', async (event) => {
      const { client, connect } = await enter(gatewayWith());
      const other = await connect();
      const name = `shared ${event} ${++lastId}`;
      client.sendEvent(event, name, 1);
      client.sendEvent(event, name, 2);
      other.sendEvent(event, name, 3);
      client.sendEvent(event, name);
      await waitFor('four', () => hotOf(name).observers.length === 4);
      client.sendEvent('break hot', name, 4);
      const error = failedWith(`${name} broke`);
      expect(await answerTo(client, 4)).toEqual({ id: 4, data: null });
      for (const id of [1, 2]) expect(await answerTo(client, id)).toEqual({ id, error });
      expect(await answerTo(other, 3)).toEqual({ id: 3, error });
      expect(await client.nextEvent('exception')).toMatchObject(error);
      expect(client.received).toHaveLength(4);
      expect(other.received).toHaveLength(1);
    });

    it('gives each its values', async () => {
      const { client } = await enter(gatewayWith());
      const name = `values ${++lastId}`;
      client.sendEvent('hot', name, 1);
      client.sendEvent('hot', name, 2);
      await waitFor('two', () => hotOf(name).observers.length === 2);
      hotOf(name).next('a value');
      for (const id of [1, 2]) expect(await answerTo(client, id)).toEqual({ id, data: 'a value' });
      hotOf(name).complete();
    });
  });
});
