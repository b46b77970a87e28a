/**
 * Builds the package twice, side by side: as ES modules into `dist/lib`, and as CommonJS into
 * `dist/cjs`. By TypeScript 7, which writes the same JavaScript as 6 in a sixth of the time.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const commonJs = join(root, 'dist/cjs');

for (const folder of ['dist/lib', 'dist/cjs'])
  rmSync(join(root, folder), { recursive: true, force: true });
mkdirSync(commonJs, { recursive: true });
// The package itself says "module".
writeFileSync(join(commonJs, 'package.json'), '{ "type": "commonjs" }\n');
const codes = await Promise.all(['tsconfig.build.json', 'tsconfig.cjs.json'].map(compile));
process.exitCode = Math.max(...codes);

function compile(project) {
  const compiler = join(root, 'node_modules/typescript7/bin/tsc');
  return new Promise((done, failed) => {
    spawn(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' })
      .once('error', failed)
      .once('exit', (code) => done(code ?? 1));
  });
}
