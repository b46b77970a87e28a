import {
  type Abstract,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';

import {
  DEFAULT_BACKPLANE,
  getAdapterOptionsToken,
  getNamedBackplaneToken,
  getOwnBackplaneToken,
} from '../adapter/options/adapter.tokens.js';
import type { AdapterContext } from '../adapter/app-providers.js';
import { booleanOption, functionOption, invalidOption } from '../adapter/options/option-checks.js';
import { Backplane } from '../cluster/backplane.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { installAdapter } from './adapter-installer.js';
import { watchAdapter } from './adapter-watch.js';
import { markServing, claimBackplane, startOnce } from './app-backplanes.js';
import { classesOfOtherCopies, registerCopy, shared } from './copies.js';
import { startBackplane } from './create-backplane.js';
import { type NormalisedOptions, normaliseOptions } from './normalise-options.js';
import type {
  RedisBackplaneModuleAsyncOptions,
  RedisBackplaneModuleExtras,
  RedisBackplaneModuleOptions,
  RedisBackplaneOptions,
  RedisBackplaneOptionsFactory,
} from './redis-backplane.options.js';
import { bindServerEvents } from './server-event-binder.js';
import { watchShutdownHooks } from './shutdown-hint.js';

/** As given, within the module of one backplane. */
const GIVEN_OPTIONS = Symbol.for('nestjs-redis-backplane:given-options');
const NORMALISED_OPTIONS = Symbol.for('nestjs-redis-backplane:options');
const LIFECYCLE = Symbol.for('nestjs-redis-backplane:lifecycle');
const OPTIONS_FACTORY = Symbol.for('nestjs-redis-backplane:options-factory');
const CONFIGURED = Symbol.for('nestjs-redis-backplane:configured');

/**
 * Whether this process has called `forRoot`, for any app: what a class of a module can know so
 * early.
 */
const configured = shared('configured', () => ({ isOnce: false }));

registerCopy(Backplane);

const ASYNC_OPTIONS = [
  'name',
  'isGlobal',
  'extraProviders',
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
] as const satisfies readonly (keyof RedisBackplaneModuleAsyncOptions)[];

/**
 * One import, and plain `ws` gateways broadcast across instances:
 *
 * ```ts
 * @Module({ imports: [RedisBackplaneModule.forRoot({ redis: 'redis://localhost:6379' })] })
 * export class AppModule {}
 * ```
 *
 * Wrong options throw a `BackplaneConfigError` at boot.
 */
@Module({
  // Made before Nest finds that nothing provides what the app's classes want of this module.
  providers: [{ provide: CONFIGURED, useFactory: assertConfigured }],
})
export class RedisBackplaneModule {
  /** @internal Called by Nest, also where the class is imported as it is. */
  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    if (![...modules.values()].some(({ providers }) => providers.has(LIFECYCLE)))
      throw withoutOptions();
  }

  /** With options that are known when the module is declared. */
  static forRoot(options: RedisBackplaneModuleOptions = {}): DynamicModule {
    const { name, isGlobal, extraProviders, ...given } = objectOf('forRoot', options);
    return moduleOf({ name, isGlobal, extraProviders }, [
      { provide: GIVEN_OPTIONS, useValue: given },
    ]);
  }

  /** With options from dependency injection: a config service, a secrets provider. */
  static forRootAsync(options: RedisBackplaneModuleAsyncOptions): DynamicModule {
    const { name, isGlobal, extraProviders, imports, ...source } = objectOf(
      'forRootAsync',
      options,
    );
    assertAsyncOptions(options);
    return moduleOf({ name, isGlobal, extraProviders }, optionsProviders(source), imports);
  }

  /** As SignalR's `UseRedis`: sugar for {@link forRoot}. An empty password is none. */
  static useRedis(
    host: string,
    port: number,
    password?: string,
    eventKeys?: string | readonly string[],
  ): DynamicModule {
    if (typeof host !== 'string')
      throw invalidOption('host', 'a string', host, "Write useRedis('localhost', 6379).");
    return RedisBackplaneModule.forRoot({
      redis: { host, port, ...(password ? { password } : {}) },
      ...(eventKeys === undefined ? {} : { eventKeys }),
    });
  }
}

/** The app that a backplane is of. */
interface AppParts {
  readonly modules: ModulesContainer;
  /** Of the backplane. */
  readonly name: string;
  readonly host: HttpAdapterHost;
  /** Where the adapter was installed; undefined where none was to be. */
  readonly adapterOf: ApplicationConfig | undefined;
}

/**
 * Binds handlers of server events when all providers are made, and closes the backplane after
 * everything that may still want to send: adapters and HTTP servers are closed before.
 */
class BackplaneLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly backplane: Backplane,
    private readonly app: AppParts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { modules, name, host, adapterOf } = this.app;
    markServing(modules, name);
    if (adapterOf) watchAdapter(adapterOf);
    watchShutdownHooks(modules, host);
    bindServerEvents(modules, this.backplane, name);
    await this.backplane.settled();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.backplane.close();
  }
}

function moduleOf(
  extras: RedisBackplaneModuleExtras,
  given: Provider[],
  imports: DynamicModule['imports'] = [],
): DynamicModule {
  configured.isOnce = true;
  const { name = DEFAULT_BACKPLANE, extraProviders = [] } = extras;
  const isGlobal = booleanOption('isGlobal', extras.isGlobal, true);
  if (!Array.isArray(extraProviders))
    throw invalidOption('extraProviders', 'a list', extraProviders);
  if (typeof name !== 'string' || name === '') {
    throw new BackplaneConfigError(
      'The option "name" must be a non-empty string. Leave it out for the default backplane.',
    );
  }
  const own = getOwnBackplaneToken(name);
  const tokens = publicTokens(name);
  return {
    module: RedisBackplaneModule,
    global: isGlobal,
    imports,
    providers: [
      ...extraProviders,
      ...given,
      {
        provide: NORMALISED_OPTIONS,
        useFactory: (options: unknown) => normaliseOptions(options),
        inject: [GIVEN_OPTIONS],
      },
      {
        provide: getAdapterOptionsToken(name),
        useFactory: (options: NormalisedOptions) => options.adapter,
        inject: [NORMALISED_OPTIONS],
      },
      {
        provide: own,
        useFactory: (options: NormalisedOptions, asGiven: object, modules: ModulesContainer) =>
          startOnce(modules, name, asGiven, () => startBackplane(options)),
        inject: [NORMALISED_OPTIONS, GIVEN_OPTIONS, ModulesContainer],
      },
      ...tokens.map((token, i) => ({ provide: token, useExisting: tokens[i - 1] ?? own })),
      {
        provide: LIFECYCLE,
        // Waits for the adapter's options, too: the adapter asks for them when it is made.
        useFactory: (
          instance: Backplane,
          options: NormalisedOptions,
          config: ApplicationConfig,
          moduleRef: ModuleRef,
          modules: ModulesContainer,
        ) => {
          if (!claimBackplane(modules, name)) return undefined;
          if (options.installAdapter) {
            const known = new Map<unknown, unknown>([
              [own, instance],
              [getAdapterOptionsToken(name), options.adapter],
            ]);
            installAdapter(config, contextWith(known, moduleRef), name);
          }
          const host = moduleRef.get(HttpAdapterHost, { strict: false });
          return new BackplaneLifecycle(instance, {
            modules,
            name,
            host,
            adapterOf: options.installAdapter ? config : undefined,
          });
        },
        inject: [
          own,
          NORMALISED_OPTIONS,
          ApplicationConfig,
          ModuleRef,
          ModulesContainer,
          getAdapterOptionsToken(name),
        ],
      },
    ],
    exports: tokens,
  };
}

/**
 * Under which an app finds a backplane. Each is an alias of the one before it: a test that replaces
 * the class replaces all.
 */
function publicTokens(name: string): (Type | string)[] {
  if (name !== DEFAULT_BACKPLANE) return [getNamedBackplaneToken(name)];
  return [Backplane, getNamedBackplaneToken(name), ...classesOfOtherCopies(Backplane)];
}

/**
 * Known values are not looked up: another module may provide the same token, and not have its value
 * yet.
 */
function contextWith(known: ReadonlyMap<unknown, unknown>, moduleRef: ModuleRef): AdapterContext {
  return {
    get: <T>(token: Type<T> | Abstract<T> | string | symbol, options?: { strict?: boolean }): T =>
      known.has(token)
        ? (known.get(token) as T)
        : moduleRef.get<T>(token, { strict: options?.strict ?? false }),
  };
}

function optionsProviders(
  source: Omit<RedisBackplaneModuleAsyncOptions, keyof RedisBackplaneModuleExtras | 'imports'>,
): Provider[] {
  const { useFactory, useClass, useExisting, inject = [] } = source;
  if ([useFactory, useClass, useExisting].filter(Boolean).length !== 1) {
    throw new BackplaneConfigError(
      'forRootAsync() needs exactly one of "useFactory", "useClass" and "useExisting". ' +
        'Write forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ redis: config.get(…) }) }).',
    );
  }
  functionOption('useFactory', useFactory);
  functionOption('useClass', useClass);
  if (useFactory) return [{ provide: GIVEN_OPTIONS, useFactory, inject }];
  const token = useExisting ?? OPTIONS_FACTORY;
  return [
    ...(useClass ? [{ provide: OPTIONS_FACTORY, useClass }] : []),
    {
      provide: GIVEN_OPTIONS,
      useFactory: (
        factory: RedisBackplaneOptionsFactory,
      ): RedisBackplaneOptions | Promise<RedisBackplaneOptions> =>
        factory.createRedisBackplaneOptions(),
      inject: [token],
    },
  ];
}

function assertAsyncOptions(options: object): void {
  const known: readonly string[] = ASYNC_OPTIONS;
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new BackplaneConfigError(
    `forRootAsync() takes no "${unknown}": what the factory returns may have it. It takes ${known.join(', ')}.`,
  );
}

function assertConfigured(): true {
  if (!configured.isOnce) throw withoutOptions();
  return true;
}

function withoutOptions(): BackplaneConfigError {
  return new BackplaneConfigError(
    'RedisBackplaneModule is imported as it is, which makes no backplane. ' +
      "Write imports: [RedisBackplaneModule.forRoot({ redis: 'redis://localhost:6379' })] in the root module; other modules need not import it.",
  );
}

function objectOf<T extends object>(method: string, options: T): T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new BackplaneConfigError(
      `${method}() takes an object of options. Write ${method}({ … }).`,
    );
  }
  return options;
}
