import { readFileSync } from 'node:fs';
import type { InitializeHook, ResolveHook } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

let home = '';
let packages = new Set<string>();

export const initialize: InitializeHook<string> = (directory) => {
  const manifest = join(directory, 'package.json');
  home = pathToFileURL(manifest).href;
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  packages = new Set(Object.keys(dependencies));
};

export const resolve: ResolveHook = (specifier, context, next) => {
  const name = /^(?:@[^/]+\/)?[^/.@:][^/:]*/.exec(specifier)?.[0];
  const isOurs = !context.parentURL?.includes('/node_modules/');
  const redirected =
    isOurs && name !== undefined && (packages.has(name) || name.startsWith('@nestjs/'));
  return next(specifier, redirected ? { ...context, parentURL: home } : context);
};
