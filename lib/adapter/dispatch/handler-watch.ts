import {
  type CallHandler,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { isObservable } from 'rxjs';

import { callingRun, currentRun, type HandlerRun, inMethodOf, withinRun } from './handler-run.js';

// Nest's own names for what its decorators note; they have been the same since Nest 5.
const IS_GATEWAY = 'websockets:is_gateway';
const IS_HANDLER = 'websockets:message_mapping';
const PATTERN = 'message';
const FILTERS = '__exceptionFilters__';
const INTERCEPTORS = '__interceptors__';

const watched = Symbol('nestjs-redis-backplane:watched');

type Method = ((...args: unknown[]) => unknown) & { [watched]?: true };

/**
 * Matches no exception, and notes each: Nest looks with `instanceof` for the filter that takes an
 * exception, and this class is the first one that it asks.
 */
class AnyException {
  static [Symbol.hasInstance](exception: unknown): boolean {
    currentRun()?.noteException(exception);
    return false;
  }
}

/** Never called. */
@Catch(AnyException)
class ExceptionWatch implements ExceptionFilter {
  catch(): void {}
}

/**
 * The outermost interceptor of gateways that have interceptors. Those may bring in Observables that
 * requests share, behind the method's own.
 */
class InterceptorWatch implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    const run = currentRun();
    const result = next.handle();
    if (!run) return result;
    return withinRun(run, result, { error: (error) => run.noteException(error) });
  }
}

const exceptionWatch = new ExceptionWatch();
const interceptorWatch = new InterceptorWatch();

/**
 * Lets the runs of handlers know how the gateways' own methods end. Nest binds the methods that it
 * finds on the prototype of a gateway, so they are replaced there, once, before it looks. Called by
 * anyone but a dispatcher, they are as they were.
 */
export class HandlerWatch {
  /**
   * Whether there was a message with an `id`. Until then no message enters a context: the first
   * that does makes every promise of the process cost more, before Node 24.
   */
  sawRequest = false;
  readonly #patterns = new Set<unknown>();

  constructor(modules: ModulesContainer) {
    for (const { providers } of modules.values()) {
      for (const { metatype } of providers.values()) {
        if (typeof metatype !== 'function' || !Reflect.hasMetadata(IS_GATEWAY, metatype)) continue;
        const methods = [...handlersOf(metatype.prototype as object)];
        for (const { owner, name, method } of methods) {
          if (watch(owner, name, method)) this.#patterns.add(Reflect.getMetadata(PATTERN, method));
        }
        watchInterceptors(metatype, methods);
      }
    }
  }

  /** Whether the methods of an event report to their runs. */
  isWatched(pattern: unknown): boolean {
    return this.#patterns.has(pattern);
  }
}

interface FoundHandler {
  readonly owner: object;
  readonly name: string;
  readonly method: Method;
}

/** As Nest finds them: also inherited ones, without those that are overridden. */
function* handlersOf(prototype: object): Generator<FoundHandler> {
  const seen = new Set<string>();
  for (
    let owner: object | null = prototype;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (typeof value === 'function' && name !== 'constructor')
        if (Reflect.hasMetadata(IS_HANDLER, value as Method))
          yield { owner, name, method: value as Method };
    }
  }
}

/** @returns false for a method that cannot be replaced */
function watch(owner: object, name: string, method: Method): boolean {
  if (method[watched]) return true;
  const pattern: unknown = Reflect.getMetadata(PATTERN, method);
  const replacement: Method = function (this: unknown, ...args: unknown[]) {
    const run = callingRun();
    const number = run?.begins(pattern);
    const call = (): unknown => method.apply(this, args);
    return run && number !== undefined ? runMethod(run, number, call) : call();
  };
  replacement[watched] = true;
  // All that decorators have noted of the method, also later, holds for the one in its place.
  Object.setPrototypeOf(replacement, method);
  for (const property of ['name', 'length'] as const)
    Object.defineProperty(replacement, property, { value: method[property], configurable: true });
  const filters = (Reflect.getMetadata(FILTERS, method) ?? []) as readonly unknown[];
  // Nest asks the last filter first.
  Reflect.defineMetadata(FILTERS, [...filters, exceptionWatch], replacement);
  return Reflect.defineProperty(owner, name, { value: replacement });
}

function watchInterceptors(metatype: object, methods: readonly FoundHandler[]): void {
  const present = (Reflect.getMetadata(INTERCEPTORS, metatype) ?? []) as readonly unknown[];
  if (present.includes(interceptorWatch)) return;
  const hasOwn = methods.some(({ method }) => Reflect.hasMetadata(INTERCEPTORS, method));
  if (present.length > 0 || hasOwn)
    Reflect.defineMetadata(INTERCEPTORS, [interceptorWatch, ...present], metatype);
}

function runMethod(run: HandlerRun, number: number, call: () => unknown): unknown {
  const failed = (error: unknown): never => {
    run.failed(number, error);
    throw error;
  };
  const settled = (value: unknown): unknown => {
    if (isObservable(value)) {
      return withinRun(run, value, {
        next: () => run.ended(number),
        error: (error) => run.failed(number, error),
        complete: () => run.ended(number),
      });
    }
    run.ended(number);
    return value;
  };
  let result: unknown;
  try {
    result = run.request ? inMethodOf(run, call) : call();
  } catch (error) {
    return failed(error);
  }
  return isThenable(result) ? Promise.resolve(result).then(settled, failed) : settled(result);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function';
}
