import type { DynamicModule, ForwardReference, INestApplication, Type } from '@nestjs/common';
import type { Closable } from '../support/cleanup.js';
import { type BootedApp, bootApp, type BootOptions, type HttpKind } from '../support/nest-app.js';
import type { ProcessGuard } from '../support/process-guard.js';
import { WsClient, type WsClientOptions } from '../support/ws-client.js';
import type { AdapterChoices, Target, TestableAdapter } from './target.js';

export interface WorldBootOptions extends Omit<BootOptions, 'http' | 'adapter' | 'imports'> {
  imports?: (Type | DynamicModule | ForwardReference)[];
  /** Set the adapter by hand, made with these choices, and then changed like this. */
  adapter?: AdapterChoices & { change?: (adapter: TestableAdapter) => unknown };
}

let lastKey = 0;

/** Where a scenario takes place: one adapter on one HTTP framework. */
export class World {
  constructor(
    readonly target: Target,
    readonly http: HttpKind,
    readonly track: <T extends Closable>(thing: T) => T,
    readonly guard: ProcessGuard,
  ) {}

  /** Boots an app of these parts on the target; it is closed with the test. */
  async boot(options: WorldBootOptions): Promise<BootedApp> {
    const { imports = [], adapter, ...rest } = options;
    const { target, http } = this;
    const setsAdapter = adapter !== undefined || !target.installsItself;
    const createAdapter = (app: INestApplication) => {
      const { change, ...choices } = adapter ?? {};
      const created = target.createAdapter(app, choices);
      change?.(created);
      return created;
    };
    const app = await bootApp({
      ...rest,
      http,
      imports: [...target.imports(`parity-${++lastKey}`), ...imports],
      adapter: setsAdapter ? createAdapter : undefined,
    });
    return this.track(app);
  }

  /** Connects a client; it is terminated with the test. */
  async connect(url: string, options?: WsClientOptions): Promise<WsClient> {
    return this.track(await WsClient.connect(url, options));
  }

  /** Boots these gateways, and connects a client to the path. */
  async enter(
    providers: BootOptions['providers'],
    path = '/',
  ): Promise<{ app: BootedApp; client: WsClient }> {
    const app = await this.boot({ providers });
    return { app, client: await this.connect(app.url(path)) };
  }
}
