import type { Server as HttpServer } from 'node:http';

import type { Abstract, Type } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';

import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import type { Authenticate, BackplaneAuthenticator } from './options/adapter.options.js';
import { BACKPLANE_AUTHENTICATOR } from './options/adapter.tokens.js';

/** Where the adapter finds what it needs: a Nest app, or anything else with its `get`. */
export interface AdapterContext {
  get<T>(token: Type<T> | Abstract<T> | string | symbol, options?: { strict?: boolean }): T;
}

/** The providers of an app that the adapter needs, from whichever module has them. */
export class AppProviders {
  readonly modules: ModulesContainer;
  readonly #context: AdapterContext;

  constructor(context: AdapterContext) {
    this.#context = context;
    this.modules = context.get(ModulesContainer, { strict: false });
  }

  /**
   * @param name the backplane's, for the error
   * @throws BackplaneConfigError if the app does not import the module
   */
  find<T>(token: Type<T> | Abstract<T> | string, name: string | undefined): T {
    if (!this.#provides(token)) {
      throw new BackplaneConfigError(
        `RedisBackplaneAdapter finds no backplane${name ? ` named "${name}"` : ''} in this app. ` +
          'Import RedisBackplaneModule.forRoot(…) in the root module.',
      );
    }
    return this.#context.get<T>(token, { strict: false });
  }

  /**
   * The provider under `BACKPLANE_AUTHENTICATOR`; undefined if there is none.
   * @throws BackplaneConfigError for a provider that cannot be asked
   */
  authenticator(): Authenticate | undefined {
    if (!this.#provides(BACKPLANE_AUTHENTICATOR)) return undefined;
    const provider = this.#context.get<Authenticate | BackplaneAuthenticator>(
      BACKPLANE_AUTHENTICATOR,
      { strict: false },
    );
    if (typeof provider === 'function') return provider;
    if (typeof provider?.authenticate === 'function')
      return (request) => provider.authenticate(request);
    throw new BackplaneConfigError(
      'The provider under BACKPLANE_AUTHENTICATOR is neither a function nor an object with a method "authenticate". ' +
        'Provide one of these, or use the option "authenticate".',
    );
  }

  /** The app's HTTP server. @throws BackplaneConfigError if the app has none */
  httpServer(): HttpServer {
    const { httpAdapter } = this.#context.get(HttpAdapterHost, { strict: false });
    const server = httpAdapter?.getHttpServer() as HttpServer | undefined;
    if (!server) {
      throw new BackplaneConfigError(
        'A gateway wants the HTTP server of the app, and the app has no HTTP server, as a pure microservice has none. Give the gateway a ' +
          'port of its own, @WebSocketGateway(8081), or create the app with NestFactory.create() and add the microservice to it: ' +
          'app.connectMicroservice(…). A process that only publishes needs no gateway: leave it out of the module.',
      );
    }
    return server;
  }

  // To ask an app for a provider that it does not have ends the process, unless `abortOnError` is
  // off.
  #provides(token: Type | Abstract<unknown> | string | symbol): boolean {
    return [...this.modules.values()].some(({ providers }) => providers.has(token as string));
  }
}
