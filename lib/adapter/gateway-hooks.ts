import { Logger, type Type } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';

import type { ContinuityLoss } from '../cluster/history/continuity.js';
import type { ThrottledLog } from '../cluster/common/throttled-log.js';
import { BackplaneSocket } from './client/backplane-socket.js';
import type { OnContinuityLost } from './on-continuity-lost.js';
import type { GatewayHook } from './client/session.js';

// Nest's own names for what its decorators note; they have been the same since Nest 5.
const IS_GATEWAY = 'websockets:is_gateway';
const GATEWAY_PORT = 'port';
const GATEWAY_OPTIONS = 'websockets:gateway_options';

const HOOKS: readonly GatewayHook[] = ['handleConnection', 'handleDisconnect'];
const watched = Symbol('nestjs-redis-backplane:watched');

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type HookFunction = ((client: any, ...args: unknown[]) => unknown) & { [watched]?: true };

type HookHolder = Record<GatewayHook, HookFunction | undefined>;

/** Where a gateway is. */
interface Declaration {
  readonly port: number;
  readonly path: string | undefined;
  /** As the gateway names it; undefined: after its port and path. */
  readonly hub: string | undefined;
}

/** Tells one gateway of a loss. Never throws, never rejects. */
export type ContinuityHook = (client: BackplaneSocket | undefined, loss: ContinuityLoss) => void;

interface ContinuityGateway extends Declaration {
  readonly tell: ContinuityHook;
}

/**
 * Nest calls `handleConnection` and `handleDisconnect` and forgets them: a throw becomes an
 * uncaught exception, a rejection an unhandled one, and nobody waits for an async one. So each
 * gateway's hooks are replaced, on its instance and before Nest binds them, by ones that let the
 * client's session make the call. A request-scoped gateway has an instance a client, made later;
 * there the class's prototype takes the hook, once. Hooks that such an instance has of its own, as
 * arrow functions in properties, are taken when it is made, by a class in between.
 */
export class GatewayHooks {
  readonly #all: Declaration[] = [];
  readonly #scoped: Declaration[] = [];
  readonly #continuity: ContinuityGateway[] = [];
  readonly #logger = new Logger('RedisBackplaneAdapter');
  readonly #log: ThrottledLog;

  constructor(modules: ModulesContainer, log: ThrottledLog) {
    this.#log = log;
    for (const { providers } of modules.values()) {
      for (const wrapper of providers.values()) {
        const { instance, metatype } = wrapper;
        if (typeof metatype !== 'function' || !Reflect.hasMetadata(IS_GATEWAY, metatype)) continue;
        const scoped = !wrapper.isDependencyTreeStatic();
        const holder = (scoped ? metatype.prototype : instance) as
          (HookHolder & Partial<OnContinuityLost>) | undefined;
        if (!holder) continue;
        for (const hook of HOOKS) watch(holder, hook, metatype.name, scoped);
        if (scoped) wrapper.metatype = watchedClass(metatype as Type<object>);
        const declaration = declarationOf(metatype);
        this.#all.push(declaration);
        if (scoped) this.#scoped.push(declaration);
        this.#noteContinuity(declaration, holder, metatype.name, scoped);
      }
    }
  }

  /** The names that the gateways of an endpoint give their hub, each once. */
  hubNames(isMine: (port: number, path: string | undefined) => boolean): (string | undefined)[] {
    return [
      ...new Set(this.#all.filter(({ port, path }) => isMine(port, path)).map(({ hub }) => hub)),
    ];
  }

  /**
   * How many request-scoped gateways of an endpoint are going to see each new client, some turns
   * after it came.
   */
  scopedConnectionHooks(isMine: (port: number, path: string | undefined) => boolean): number {
    return this.#scoped.filter(({ port, path }) => isMine(port, path)).length;
  }

  /** The gateways of an endpoint that want to know of losses. */
  continuityHooks(isMine: (port: number, path: string | undefined) => boolean): ContinuityHook[] {
    return this.#continuity.filter(({ port, path }) => isMine(port, path)).map(({ tell }) => tell);
  }

  #noteContinuity(
    declaration: Declaration,
    holder: Partial<OnContinuityLost>,
    gateway: string,
    scoped: boolean,
  ): void {
    if (typeof holder.onContinuityLost !== 'function') return;
    if (scoped) {
      this.#logger.warn(
        `onContinuityLost() of ${gateway} is never called: the gateway is request-scoped, and a loss is no request. ` +
          'Move it to a gateway that is not.',
      );
      return;
    }
    const failed = (error: unknown): void =>
      this.#log.error(`lost:${gateway}`, `onContinuityLost() of ${gateway} failed`, error);
    const tell: ContinuityHook = (client, loss) => {
      (async () =>
        void (await holder.onContinuityLost!(client, loss.room, loss.reason, loss)))().catch(
        failed,
      );
    };
    this.#continuity.push({ ...declaration, tell });
  }
}

function watch(holder: HookHolder, hook: GatewayHook, gateway: string, scoped: boolean): void {
  // Nest makes an instance of a scoped gateway for a hook that it does not have, too, and rethrows
  // what goes wrong with that.
  const original = holder[hook] ?? (scoped ? (): void => {} : undefined);
  if (typeof original !== 'function' || (original as HookFunction)[watched]) return;
  const replacement: HookFunction = function (this: unknown, client: object, ...args: unknown[]) {
    const call = (): unknown => original.call(this, client, ...args);
    // With another adapter's client a hook runs as it is.
    if (!(client instanceof BackplaneSocket)) return call();
    return client.session.callHook(hook, gateway, scoped, call);
  };
  replacement[watched] = true;
  Object.defineProperty(holder, hook, { value: replacement, configurable: true, writable: true });
}

/** A subclass whose instances differ only in their hooks. */
function watchedClass(metatype: Type<object>): Type<object> {
  if (Object.hasOwn(metatype, watched)) return metatype;
  class Watched extends metatype {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- so TypeScript wants it of a class that extends any other
    constructor(...args: any[]) {
      super(...args);
      for (const hook of HOOKS) {
        if (Object.hasOwn(this, hook))
          watch(this as unknown as HookHolder, hook, metatype.name, true);
      }
    }
  }
  Object.defineProperties(Watched, {
    name: { value: metatype.name },
    [watched]: { value: true },
  });
  // Guards and interceptors ask an instance for its class.
  Object.defineProperty(Watched.prototype, 'constructor', { value: metatype });
  return Watched;
}

function declarationOf(metatype: object): Declaration {
  const options = Reflect.getMetadata(GATEWAY_OPTIONS, metatype) as
    { path?: string; hub?: string } | undefined;
  return {
    port: (Reflect.getMetadata(GATEWAY_PORT, metatype) as number | undefined) ?? 0,
    path: options?.path,
    hub: options?.hub,
  };
}
