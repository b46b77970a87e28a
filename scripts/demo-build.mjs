// Builds what the demo runs, where it is missing or older than its sources. What is there is whole
// only if its stamp is, too: the compiler writes file by file, and another demo may look, or the
// build end, in between.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));

const parts = [
  {
    name: 'the library',
    sources: ['lib', 'tsconfig.json', 'tsconfig.build.json'],
    product: 'dist/lib/index.js',
    stamp: 'dist/.demo-build.lib',
    command: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  },
  {
    name: 'the sample app',
    sources: ['sample-app', 'tsconfig.json', 'tsconfig.sample.json', 'nest-cli.json'],
    product: 'dist/sample-app/main.js',
    stamp: 'dist/.demo-build.sample-app',
    command: ['node_modules/@nestjs/cli/bin/nest.js', 'build'],
  },
];

/** Its message is all that there is to say. */
export class BuildError extends Error {}

/** Two demos that start at the same time build once: the second waits for the first. */
export async function ensureBuilt(say = console.log, root = project) {
  if (parts.every((part) => whyBuild(root, part) === undefined)) return;
  const release = await acquireLock(root, say);
  try {
    for (const part of parts) {
      const reason = whyBuild(root, part);
      if (reason !== undefined) build(root, part, reason, say);
    }
  } finally {
    release();
  }
}

function whyBuild(root, { sources, product, stamp }) {
  const built = modified(join(root, stamp));
  if (built === undefined || !existsSync(join(root, product))) return 'not built yet';
  const newest = Math.max(...sources.map((source) => newestSource(join(root, source))));
  return newest > built ? 'its sources have changed' : undefined;
}

function build(root, { name, stamp, command: [script, ...args] }, reason, say) {
  say(`Building ${name} (${reason}) …`);
  const file = join(root, script);
  if (!existsSync(file)) throw new BuildError(`${script} is missing: run "npm ci" first.`);
  rmSync(join(root, stamp), { force: true });
  const started = new Date();
  const { status } = spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new BuildError(`Building ${name} failed.`);
  writeFileSync(join(root, stamp), '');
  // What changes while it builds is newer than the stamp.
  utimesSync(join(root, stamp), started, started);
}

function newestSource(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  const entries = readdirSync(path, { withFileTypes: true });
  const compiled = entries.filter((entry) => entry.isDirectory() || entry.name.endsWith('.ts'));
  return Math.max(0, ...compiled.map((entry) => newestSource(join(path, entry.name))));
}

function modified(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

async function acquireLock(root, say) {
  let waits = false;
  const lock = join(root, 'dist', '.demo-build.lock');
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (holderIsGone(lock)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!waits) say('Waiting for another demo to build …');
    waits = true;
    await sleep(200);
  }
}

function holderIsGone(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')) || process.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
