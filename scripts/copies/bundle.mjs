/**
 * The same in one bundle, which has both builds: some of its files `import` the package, and others
 * `require` it.
 */
import * as esm from 'nestjs-redis-backplane';

import { check } from './check.mjs';
import cjs from './required.cjs';

check(esm, cjs, ['bundle.js']).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
