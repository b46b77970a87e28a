import { isDeepStrictEqual } from 'node:util';

import type { DynamicModule } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { getOwnBackplaneToken } from '../adapter/options/adapter.tokens.js';
import type { Backplane } from '../cluster/backplane.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { quote } from '../errors/quote.js';
import { shared } from './copies.js';

/** Under which `@Module()` keeps what it was given. */
const DECLARED_IMPORTS = 'imports';

/** One backplane of an app, which several modules may import. */
interface Entry {
  /** As the app gave them. */
  readonly options: object;
  readonly started: Promise<Backplane>;
  hasOwner: boolean;
  /** The app is up: what comes now is a lazy module. */
  isServing: boolean;
}

/** Of each app, by the name of the backplane. */
const apps = shared('apps', () => new WeakMap<ModulesContainer, Map<string, Entry>>());

/**
 * Starts the backplane, once an app and name: `forRoot` in a second module with the same options
 * gives the same backplane.
 * @throws (rejects) BackplaneConfigError where the options differ; as `start` does
 */
export async function startOnce(
  modules: ModulesContainer,
  name: string,
  options: object,
  start: () => Promise<Backplane>,
): Promise<Backplane> {
  let entries = apps.get(modules);
  if (!entries) apps.set(modules, (entries = new Map()));
  const present = entries.get(name);
  if (present) {
    const differing = differingOptions(present.options, options);
    if (differing.length === 0) return present.started;
    // The app does not come up, and closes nothing.
    if (!present.isServing)
      await present.started.then((started) => started.close()).catch(() => {});
    throw differs(name, differing, modules);
  }
  const started = start();
  entries.set(name, { options, started, hasOwner: false, isServing: false });
  return started;
}

/** True for the first who asks: it binds and closes the backplane, whoever else has it. */
export function claimBackplane(modules: ModulesContainer, name: string): boolean {
  const entry = apps.get(modules)?.get(name);
  if (!entry || entry.hasOwner) return false;
  entry.hasOwner = true;
  return true;
}

/** The backplane serves from now on. */
export function markServing(modules: ModulesContainer, name: string): void {
  const entry = apps.get(modules)?.get(name);
  if (entry) entry.isServing = true;
}

function differingOptions(first: object, second: object): string[] {
  const [one, other] = [first as Record<string, unknown>, second as Record<string, unknown>];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.filter((option) => !isDeepStrictEqual(one[option], other[option]));
}

function differs(
  name: string,
  differing: readonly string[],
  modules: ModulesContainer,
): BackplaneConfigError {
  return new BackplaneConfigError(
    `forRoot() is called more than once for the backplane ${quote(name)}, in ${importersIn(modules, name).join(' and ')}, and the options differ: ` +
      `${differing.map((option) => quote(option)).join(', ')}. Call it in one module, which all others share, give both the same options, or give ` +
      'one of them a "name".',
  );
}

/** The modules that declare a backplane of that name among their imports. */
function importersIn(modules: ModulesContainer, name: string): string[] {
  const token = getOwnBackplaneToken(name);
  return [...modules.values()]
    .filter(({ metatype }) => {
      const imports = (Reflect.getMetadata(DECLARED_IMPORTS, metatype) ?? []) as unknown[];
      return imports.some((imported) => provides(imported, token));
    })
    .map(({ metatype }) => metatype.name);
}

function provides(imported: unknown, token: string): boolean {
  const { providers = [] } = (imported ?? {}) as Partial<DynamicModule>;
  return providers.some((provider) => 'provide' in provider && provider.provide === token);
}
