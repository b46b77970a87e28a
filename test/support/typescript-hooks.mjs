// Hooks for node's module loader: TypeScript as the tests see it, for processes that tests start.
import { transform } from '@swc/core';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const edits = JSON.parse(process.env.SOURCE_EDITS ?? '[]');
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
  const filename = fileURLToPath(url);
  const text = edited(filename, await readFile(filename, 'utf8'));
  const { code } = await transform(text, { filename, sourceMaps: false });
  return { format: 'module', source: code, shortCircuit: true };
}

/** As SOURCE_EDITS wants it: a list of { file, code, instead }, for processes that are to lack a piece of the library. */
function edited(filename, text) {
  let source = text;
  for (const { file, code, instead } of edits) {
    if (!filename.endsWith(`/lib/${file}`)) continue;
    if (source.split(code).length !== 2)
      throw new Error(`lib/${file} was to be edited where it says "${code}", once. It does not.`);
    source = source.replace(code, () => instead);
  }
  return source;
}
