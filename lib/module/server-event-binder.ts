import { MetadataScanner, type ModulesContainer } from '@nestjs/core';

import type { Backplane } from '../cluster/backplane.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { bindingsOf } from './on-server-event.decorator.js';

type Method = (data: unknown, context: { instanceId: string }) => unknown;

/**
 * Binds the methods that `@OnServerEvent()` marks, in all providers and controllers of the app.
 * @throws BackplaneConfigError for one in a request-scoped class: there is no request
 */
export function bindServerEvents(
  modules: ModulesContainer,
  backplane: Backplane,
  name: string,
): void {
  const scanner = new MetadataScanner();
  // A provider may be known under several tokens.
  const seen = new Set<unknown>();
  for (const { providers, controllers } of modules.values()) {
    for (const wrapper of [...providers.values(), ...controllers.values()]) {
      const { instance, metatype } = wrapper;
      const prototype = prototypeOf(instance, metatype);
      if (!prototype || seen.has(instance ?? metatype)) continue;
      seen.add(instance ?? metatype);
      for (const key of scanner.getAllMethodNames(prototype)) {
        const method = (prototype as Record<string, unknown>)[key];
        for (const { event, hub, backplane: wanted } of bindingsOf(method)) {
          if (wanted !== name) continue;
          if (!wrapper.isDependencyTreeStatic()) throw scoped(metatype, key);
          backplane
            .hub(hub)
            .onServerEvent(event, (data, context) =>
              (method as Method).call(instance, data, context),
            );
        }
      }
    }
  }
}

function prototypeOf(instance: unknown, metatype: unknown): object | undefined {
  if (typeof instance === 'object' && instance !== null)
    return Object.getPrototypeOf(instance) as object | undefined;
  return typeof metatype === 'function' ? (metatype.prototype as object | undefined) : undefined;
}

function scoped(metatype: unknown, key: string): BackplaneConfigError {
  const name = typeof metatype === 'function' ? metatype.name : 'a provider';
  return new BackplaneConfigError(
    `${name}.${key} has @OnServerEvent(), but ${name} is request-scoped, or depends on what is: a server event comes ` +
      'without a request. Move the method to a provider of the default scope.',
  );
}
