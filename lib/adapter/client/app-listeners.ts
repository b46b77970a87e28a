import type { EventEmitter } from 'node:events';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Listener = (this: any, ...args: any[]) => void;

/** Marks what the app listens with: its listeners alone are the app's to remove. */
const OF_APP = Symbol('of the app');

/** Node's emitters find a listener by this member, too, as those of `once` have it. */
interface AppListener extends Listener {
  listener: Listener;
  [OF_APP]: true;
}

type Way = 'on' | 'prependListener';

/**
 * Listens to an emitter in the name of another object: the listener gets that as `this`. It is
 * removed by the function that was given.
 * @throws TypeError for a listener that is no function
 */
export function listen(
  emitter: EventEmitter,
  self: object,
  event: string | symbol,
  listener: Listener,
  way: Way = 'on',
): void {
  assertFunction(listener);
  emitter[way](
    event,
    ofApp(listener, (...args) => listener.apply(self, args)),
  );
}

/** As {@link listen}, for one time. */
export function listenOnce(
  emitter: EventEmitter,
  self: object,
  event: string | symbol,
  listener: Listener,
  way: Way = 'on',
): void {
  assertFunction(listener);
  const once = ofApp(listener, (...args) => {
    emitter.off(event, once);
    return listener.apply(self, args);
  });
  emitter[way](event, once);
}

/** Removes what the app listens with, of one event or of all. The adapter's own listeners stay. */
export function removeAppListeners(emitter: EventEmitter, event?: string | symbol): void {
  for (const name of event === undefined ? emitter.eventNames() : [event]) {
    for (const listener of emitter.rawListeners(name))
      if (OF_APP in listener) emitter.off(name, listener as unknown as Listener);
  }
}

function ofApp(listener: Listener, call: Listener): AppListener {
  return Object.assign(call, { listener, [OF_APP]: true as const });
}

function assertFunction(listener: unknown): void {
  if (typeof listener !== 'function')
    throw new TypeError(`A listener must be a function, got ${typeof listener}.`);
}
