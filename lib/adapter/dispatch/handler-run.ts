import { AsyncLocalStorage } from 'node:async_hooks';

import { from, type Observable, Observable as RxObservable, Subject, takeUntil } from 'rxjs';

import type { ClientRequest } from './client-request.js';
import { failureOf, INTERNAL_ERROR } from '../client/failure.js';

/**
 * How the gateway's own method stands. A value that it has given counts as an end until it fails.
 */
type MethodState = 'never ran' | 'runs' | 'ended' | 'failed';

/**
 * One handler at work on one message of a client. Nest tells an adapter neither whether a handler
 * failed nor of which message a filter speaks. A run knows: it is the async context of all that
 * Nest does for the message (guards, interceptors, pipes, the method, filters), and the wrapped
 * method reports to it (see `HandlerWatch`).
 */
export class HandlerRun {
  /** Undefined: the message has no `id`, and nobody waits for an answer. */
  readonly request: ClientRequest | undefined;
  readonly #pattern: unknown;
  #method: MethodState;
  /** The calls of the method so far. An interceptor may try again: the last try counts. */
  #calls = 0;
  #failure: { readonly error: unknown } | undefined;
  /** The value that a guard or an interceptor acknowledged before the handler ended. */
  #acknowledged: { readonly data: unknown } | undefined;
  #isOver = false;

  /** @param isWatched whether the method reports; one that does not is taken to end well */
  constructor(request: ClientRequest | undefined, pattern: unknown, isWatched: boolean) {
    this.request = request;
    this.#pattern = pattern;
    this.#method = isWatched ? 'never ran' : 'ended';
  }

  /** The error of the method, a pipe, a guard or an interceptor that nothing has made good for. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Answers, as `@Ack()` and the arguments of Nest's pipeline offer it. Once the handler has
   * failed, only a filter is left to call it, and its word is a failure.
   */
  readonly ack = (data?: unknown): void => {
    if (this.#isOver) this.request?.answer(data);
    else if (this.hasFailed) this.request?.fail(data ?? this.#failureText());
    else if (this.#method === 'never ran') this.#acknowledged ??= { data };
    else this.request?.answer(data);
  };

  /**
   * The method of an event is called.
   * @returns which call it is; undefined for what is not this run's
   */
  begins(pattern: unknown): number | undefined {
    if (pattern !== this.#pattern || this.#isOver) return undefined;
    if (!this.request) return 0;
    this.#method = 'runs';
    this.#failure = undefined;
    if (this.#acknowledged) this.request.answer(this.#acknowledged.data);
    return ++this.#calls;
  }

  ended(call: number): void {
    if (this.request && call === this.#calls) this.#method = 'ended';
  }

  failed(call: number, error: unknown): void {
    if (!this.request || call !== this.#calls) return;
    this.#method = 'failed';
    this.#failure = { error };
  }

  /** An exception has reached Nest's filters. */
  noteException(error: unknown): void {
    if (this.request) this.#failure = { error };
  }

  /**
   * The handler has ended without a value.
   * @returns what to answer as the failure; undefined if it was a success
   */
  endsWithoutValue(): unknown {
    this.#isOver = true;
    const acknowledged = this.#acknowledged;
    if (this.hasFailed) return acknowledged?.data ?? this.#failureText();
    if (acknowledged) this.request?.answer(acknowledged.data);
    return this.#method === 'ended' || acknowledged ? undefined : INTERNAL_ERROR;
  }

  #failureText(): unknown {
    return this.#failure ? failureOf(this.#failure.error) : INTERNAL_ERROR;
  }
}

/** The context within a handler's own method: what it calls there is no call of Nest's. */
class MethodContext {
  constructor(readonly run: HandlerRun) {}
}

/**
 * One for the process, and without a state of its own: a gateway's class, which reports to the run,
 * may serve several apps.
 */
const contexts = new AsyncLocalStorage<HandlerRun | MethodContext>();

/** The run that the current code belongs to. */
export function currentRun(): HandlerRun | undefined {
  const context = contexts.getStore();
  return context instanceof MethodContext ? context.run : context;
}

/** The run whose pipeline calls; undefined within the method itself. */
export function callingRun(): HandlerRun | undefined {
  const context = contexts.getStore();
  return context instanceof MethodContext ? undefined : context;
}

export function inRun<T>(run: HandlerRun, call: () => T): T {
  return contexts.run(run, call);
}

export function inMethodOf<T>(run: HandlerRun, call: () => T): T {
  return contexts.run(new MethodContext(run), call);
}

/** The signals of an Observable to the run that subscribes to it. */
export interface RunObserver {
  readonly next?: () => void;
  readonly error: (error: unknown) => void;
  readonly complete?: () => void;
}

/**
 * The same Observable, with everything that follows from it in the run's context. Requests may
 * share an Observable, and it emits in the context of whoever makes it emit; the filters that its
 * failure leads to must see their own request.
 */
export function withinRun(
  run: HandlerRun,
  source: Observable<unknown>,
  observer: RunObserver,
): Observable<unknown> {
  const within = (step: () => void): void => {
    if (contexts.getStore() === run) step();
    else contexts.run(run, step);
  };
  return new RxObservable((subscriber) => {
    const unsubscribed = new Subject<void>();
    const subscription = from(source)
      .pipe(takeUntil(unsubscribed))
      .subscribe({
        next: (value) => {
          observer.next?.();
          within(() => subscriber.next(value));
          // A source that emits at once has not returned the subscription yet.
          if (subscriber.closed) unsubscribed.next();
        },
        error: (error: unknown) => {
          observer.error(error);
          within(() => subscriber.error(error));
        },
        complete: () => {
          if (subscriber.closed) return;
          observer.complete?.();
          within(() => subscriber.complete());
        },
      });
    return subscription;
  });
}
