import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';

const BUILDER = new URL('../../scripts/demo-build.mjs', import.meta.url).href;
const TSC = 'node_modules/typescript/bin/tsc';
const NEST = 'node_modules/@nestjs/cli/bin/nest.js';
const WHOLE = 'dist/sample-app/workers/cli.js';

let root: string;
let running: ChildProcess[];

beforeEach(() => {
  running = [];
  root = mkdtempSync(join(tmpdir(), 'demo-build-'));
  for (const source of ['lib/index.ts', 'sample-app/main.ts']) writeOld(source);
  compiler(TSC, `write('dist/lib/index.js');`);
  compiler(NEST, `write('dist/sample-app/main.js'); write('${WHOLE}');`);
});

afterEach(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(root, { recursive: true, force: true });
});

function writeOld(file: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  utimesSync(path, new Date(0), new Date(0));
}

/**
 * What stands for a compiler: `body` may write files, and wait for one, or for the end of the test.
 */
function compiler(file: string, body: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `const { existsSync, mkdirSync, writeFileSync } = require('node:fs');
     const { dirname } = require('node:path');
     const write = (file) => { mkdirSync(dirname(file), { recursive: true }); writeFileSync(file, ''); };
     const until = async (file) => { while (!existsSync(file) && existsSync('lib')) await new Promise((done) => setTimeout(done, 10)); };
     (async () => { ${body} })();`,
  );
}

function ensureBuilt(): {
  output: () => string;
  done: Promise<number | null>;
  child: ChildProcess;
} {
  const script = `
    const { ensureBuilt } = await import(${JSON.stringify(BUILDER)});
    await ensureBuilt(console.log, ${JSON.stringify(root)});
    console.log('built:', (await import('node:fs')).existsSync(${JSON.stringify(join(root, WHOLE))}));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.push(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const done = once(child, 'close').then(([code]) => code as number | null);
  return { output: () => output, done, child };
}

async function outputOf(build: ReturnType<typeof ensureBuilt>): Promise<string> {
  expect(await build.done).toBe(0);
  return build.output();
}

test('builds what is missing, and then only what has changed', async () => {
  expect(await outputOf(ensureBuilt())).toMatch(/library \(not.*sample app \(not.*built: true/s);
  expect(await outputOf(ensureBuilt())).toBe('built: true\n');
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(root, 'sample-app/main.ts'), later, later);
  expect(await outputOf(ensureBuilt())).toBe(
    'Building the sample app (its sources have changed) …\nbuilt: true\n',
  );
});

test('who comes while another builds waits until all of it is there', async () => {
  compiler(NEST, `write('dist/sample-app/main.js'); await until('go'); write('${WHOLE}');`);
  const first = ensureBuilt();
  await waitFor('half a build', () => existsSync(join(root, 'dist/sample-app/main.js')));
  const second = ensureBuilt();
  await waitFor('the second to wait', () => second.output().includes('Waiting for another'));
  writeFileSync(join(root, 'go'), '');
  expect(await outputOf(second)).toMatch(/built: true/);
  expect(await outputOf(first)).toMatch(/built: true/);
});

test('what a build left behind that was killed is built again', async () => {
  compiler(NEST, `write('dist/sample-app/main.js'); await until('never');`);
  const killed = ensureBuilt();
  await waitFor('half a build', () => existsSync(join(root, 'dist/sample-app/main.js')));
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  writeFileSync(join(root, 'never'), ''); // the compiler outlives its caller, and holds its output open
  await killed.done;
  compiler(NEST, `write('dist/sample-app/main.js'); write('${WHOLE}');`);
  expect(await outputOf(ensureBuilt())).toMatch(/sample app \(not built yet\).*built: true/s);
});

test('a build that fails is tried again by the next', async () => {
  compiler(NEST, `write('dist/sample-app/main.js'); process.exitCode = 2;`);
  const failed = ensureBuilt();
  expect(await failed.done).not.toBe(0);
  compiler(NEST, `write('dist/sample-app/main.js'); write('${WHOLE}');`);
  expect(await outputOf(ensureBuilt())).toMatch(/sample app \(not built yet\).*built: true/s);
});
