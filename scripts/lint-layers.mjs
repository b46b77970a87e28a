/**
 * Holds lib/ and sample-app/ against the walls in .dependency-cruiser.mjs; then holds the walls against the imports that
 * they are there to refuse, so that a rule that stopped matching anything is noticed.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import walls from '../.dependency-cruiser.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const config = join(root, '.dependency-cruiser.mjs');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

/** Files that exist for the proof alone: the rooms that the imports below point to. */
const floors = [
  'lib/index.ts',
  'lib/adapter/adapter.ts',
  'lib/cluster/cluster.ts',
  'lib/errors/error.ts',
  'lib/hub/hub.ts',
  'lib/module/module.ts',
  'lib/timing/time.ts',
  'lib/transport/memory/memory.ts',
  'lib/transport/redis/redis.ts',
  'lib/transport/transport.ts',
  'test/helper.ts',
];

/** [file, what it imports, the rule that must refuse it] */
const refused = [
  ['lib/errors/up.ts', '../hub/hub.js', 'errors-looks-down-only'],
  ['lib/timing/up.ts', '../hub/hub.js', 'timing-looks-down-only'],
  ['lib/hub/up.ts', '../cluster/cluster.js', 'hub-looks-down-only'],
  ['lib/hub/port.ts', '../transport/transport.js', 'hub-looks-down-only'],
  ['lib/hub/nest.ts', '@nestjs/common', 'hub-knows-neither-nest-nor-redis'],
  ['lib/hub/redis.ts', 'ioredis', 'hub-knows-neither-nest-nor-redis'],
  ['lib/cluster/up.ts', '../adapter/adapter.js', 'cluster-looks-down-only'],
  ['lib/cluster/maker.ts', '../transport/redis/redis.js', 'cluster-looks-down-only'],
  ['lib/cluster/memory.ts', '../transport/memory/memory.js', 'cluster-looks-down-only'],
  ['lib/cluster/redis.ts', 'ioredis', 'ioredis-stays-behind-the-port'],
  ['lib/adapter/up.ts', '../module/module.js', 'adapter-looks-down-only'],
  ['lib/adapter/port.ts', '../transport/transport.js', 'adapter-looks-down-only'],
  ['lib/adapter/internal.ts', '@nestjs/websockets/internal', 'nest-by-its-roots'],
  ['lib/adapter/constants.ts', '@nestjs/websockets/constants.js', 'nest-by-its-roots'],
  ['lib/adapter/dev.ts', '@nestjs/platform-ws', 'no-dev-dependency-in-lib'],
  ['lib/adapter/unlisted.ts', 'iterare', 'no-unlisted-package'],
  ['lib/adapter/nowhere.ts', './nowhere-else.js', 'nothing-unresolvable'],
  ['lib/transport/redis/up.ts', '../../cluster/cluster.js', 'transport-redis-looks-down-only'],
  ['lib/transport/redis/other.ts', '../memory/memory.js', 'transport-redis-looks-down-only'],
  ['lib/transport/memory/up.ts', '../../hub/hub.js', 'transport-memory-looks-down-only'],
  ['lib/transport/memory/other.ts', '../redis/redis.js', 'transport-memory-looks-down-only'],
  ['lib/transport/redis/socket.ts', 'ws', 'transport-knows-no-sockets'],
  ['lib/module/door.ts', '../index.js', 'index-is-a-door'],
  ['lib/module/test.ts', '../../test/helper.js', 'lib-ships-alone'],
  ['lib/somewhere/new.ts', '../errors/error.js', 'a-new-room-needs-a-rule'],
  ['lib/module/round.ts', './about.js', 'no-cycle'],
  ['sample-app/inside.ts', '../lib/hub/hub.js', 'sample-is-a-user'],
];

/** The same walls must leave these alone. */
const allowed = [
  ['lib/module/about.ts', './round.js'], // the other half of the cycle above; it is named there
  ['lib/index.ts', './module/module.js'],
  [
    'lib/module/all.ts',
    '../adapter/adapter.js',
    '../cluster/cluster.js',
    '../transport/redis/redis.js',
    'ioredis',
  ],
  [
    'lib/adapter/down.ts',
    '../cluster/cluster.js',
    '../hub/hub.js',
    '../errors/error.js',
    '@nestjs/websockets',
    'ws',
  ],
  [
    'lib/cluster/down.ts',
    '../hub/hub.js',
    '../transport/transport.js',
    '../errors/error.js',
    '@nestjs/common',
  ],
  ['lib/hub/down.ts', '../errors/error.js', '../timing/time.js', 'ws', 'node:events'],
  ['lib/transport/redis/down.ts', '../transport.js', '../../timing/time.js', 'ioredis'],
  ['lib/transport/memory/down.ts', '../transport.js', '../../errors/error.js'],
  ['sample-app/user.ts', 'nestjs-redis-backplane', '@nestjs/platform-express'],
];

const found = await violations(
  root,
  ['lib', 'sample-app'].filter((folder) => existsSync(join(root, folder))),
);
for (const { rule, from, to } of found) {
  const wall = walls.forbidden.find(({ name }) => name === rule.name);
  console.error(`${from} -> ${to}\n  ${rule.name}: ${wall?.comment}`);
}

const faults = await proof();
for (const fault of faults) console.error(fault);

if (found.length > 0 || faults.length > 0) process.exit(1);
console.log(`The layers hold, and ${refused.length} imports that break them are refused.`);

/** What the walls say of a tree that breaks each of them. */
async function proof() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const tree = mkdtempSync(join(root, 'dist/layers-'));
  try {
    cpSync(join(root, 'package.json'), join(tree, 'package.json'));
    cpSync(join(root, 'tsconfig.json'), join(tree, 'tsconfig.json'));
    for (const file of floors) write(tree, file, []);
    for (const [file, ...imports] of allowed) write(tree, file, imports);
    for (const [file, specifier] of refused) write(tree, file, [specifier]);

    const said = await violations(tree, ['lib', 'sample-app']);
    const missed = refused
      .filter(
        ([file, , name]) =>
          !said.some(({ rule, from, to }) => rule.name === name && [from, to].includes(file)),
      )
      .map(([file, specifier, name]) => `The rule '${name}' let ${file} import '${specifier}'.`);
    const overdone = said
      .filter(({ from }) => allowed.some(([file]) => file === from))
      .filter(({ rule }) => rule.name !== 'no-cycle')
      .map(({ rule, from, to }) => `The rule '${rule.name}' refused ${from} its '${to}'.`);
    return [...missed, ...overdone];
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function write(tree, file, imports) {
  const path = join(tree, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `${imports.map((specifier) => `import '${specifier}';\n`).join('')}export {};\n`,
  );
}

function violations(cwd, folders) {
  return new Promise((done, fail) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024 };
    execFile(
      process.execPath,
      [cruiser, '-c', config, '-T', 'json', ...folders],
      options,
      (error, stdout) => {
        // The exit code counts violations; what is not a report is a failure of the tool.
        try {
          done(JSON.parse(stdout).summary.violations);
        } catch {
          fail(new Error('dependency-cruiser printed no report.', { cause: error }));
        }
      },
    );
  });
}
