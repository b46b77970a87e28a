// Builds what the demo runs, where it is missing or older than its sources.
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

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = join(root, 'dist', '.demo-build.lock');

const parts = [
  {
    name: 'the library',
    sources: ['lib', 'tsconfig.json', 'tsconfig.build.json'],
    product: 'dist/lib/index.js',
    command: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  },
  {
    name: 'the sample app',
    sources: ['sample-app', 'tsconfig.json', 'tsconfig.sample.json', 'nest-cli.json'],
    product: 'dist/sample-app/main.js',
    command: ['node_modules/@nestjs/cli/bin/nest.js', 'build'],
  },
];

/** Its message is all that there is to say. */
export class BuildError extends Error {}

/** Two demos that start at the same time build once: the second waits for the first. */
export async function ensureBuilt(say = console.log) {
  if (parts.every((part) => whyBuild(part) === undefined)) return;
  const release = await acquireLock();
  try {
    for (const part of parts) {
      const reason = whyBuild(part);
      if (reason !== undefined) build(part, reason, say);
    }
  } finally {
    release();
  }
}

function whyBuild({ sources, product }) {
  const built = modified(join(root, product));
  if (built === undefined) return 'not built yet';
  const newest = Math.max(...sources.map((source) => newestSource(join(root, source))));
  return newest > built ? 'its sources have changed' : undefined;
}

function build({ name, product, command: [script, ...args] }, reason, say) {
  say(`Building ${name} (${reason}) …`);
  const file = join(root, script);
  if (!existsSync(file)) throw new BuildError(`${script} is missing: run "npm ci" first.`);
  const { status } = spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) return touch(join(root, product), new Date());
  // The compiler writes its files even then: let the next run see them as old.
  touch(join(root, product), new Date(0));
  throw new BuildError(`Building ${name} failed.`);
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

function touch(file, time) {
  if (existsSync(file)) utimesSync(file, time, time);
}

async function acquireLock() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (holderIsGone()) rmSync(lock, { force: true });
    else await sleep(200);
  }
}

function holderIsGone() {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')) || process.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
