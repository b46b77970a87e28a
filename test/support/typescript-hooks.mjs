// Hooks for node's module loader: TypeScript as the tests see it, for processes that tests start.
import { transformFile } from '@swc/core';
import { fileURLToPath } from 'node:url';

const library = new URL('../../lib/index.ts', import.meta.url).href;

export async function resolve(specifier, context, next) {
  if (specifier === 'nestjs-redis-backplane') return next(library, context);
  if (context.parentURL?.endsWith('.ts') && /^\.{1,2}\/.*\.js$/.test(specifier)) {
    return next(specifier.replace(/\.js$/, '.ts'), context);
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), { sourceMaps: false });
  return { format: 'module', source: code, shortCircuit: true };
}
