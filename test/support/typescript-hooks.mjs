// Hooks for node's module loader: TypeScript as the tests see it, for processes that tests start.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const edits = JSON.parse(process.env.SOURCE_EDITS ?? '[]');
const library = new URL('../../lib/index.ts', import.meta.url).href;
const settings = await readFile(new URL('../../.swcrc', import.meta.url), 'utf8').catch(() => '');
const compiler = require('@swc/core/package.json').version;
/** Fault schedules start hundreds of processes, most of whose start was this compilation. */
const cache = new URL('../../node_modules/.cache/tests-typescript/', import.meta.url);
await mkdir(cache, { recursive: true });

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
  return { format: 'module', source: await compiled(filename, text), shortCircuit: true };
}

async function compiled(filename, text) {
  const key = [compiler, settings, filename, text].join('\0');
  const file = new URL(`${createHash('sha256').update(key).digest('hex')}.js`, cache);
  const present = await readFile(file, 'utf8').catch(() => undefined);
  if (present !== undefined) return present;
  const { transform } = await import('@swc/core');
  const { code } = await transform(text, { filename, sourceMaps: false });
  // Several processes may write the same file.
  const draft = new URL(`${file.href}.${process.pid}`);
  await writeFile(draft, code);
  await rename(draft, file);
  return code;
}

/**
 * As SOURCE_EDITS wants it: a list of { file, code, instead }, for processes that are to lack a
 * piece of the library.
 */
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
