/**
 * For `node --import`: whoever asks for a package that is named in the package.json under
 * `BENCH_PACKAGES`, or for anything of Nest, gets the copy there. So one compiled file runs on
 * several majors of Nest.
 */
import { register } from 'node:module';

register('./packages-resolver.js', import.meta.url, { data: process.env.BENCH_PACKAGES });
