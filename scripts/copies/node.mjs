/** Checks the two builds in the folder that is given, as `import` and `require` load them. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { check } from './check.mjs';

const dist = resolve(process.argv[2] ?? 'dist');
const esm = await import(pathToFileURL(join(dist, 'lib/index.js')));
const cjs = createRequire(import.meta.url)(join(dist, 'cjs/index.js'));
await check(esm, cjs, [join(dist, 'lib'), join(dist, 'cjs')]);
