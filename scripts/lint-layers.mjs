/**
 * Checks lib/, bench/ and sample-app/ against the rules in .dependency-cruiser.mjs. Then checks the
 * rules against the imports that they have to refuse, so that a rule that no longer matches
 * anything is noticed.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import rules, { ADAPTER_LAYERS, CLUSTER_LAYERS } from '../.dependency-cruiser.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const config = join(root, '.dependency-cruiser.mjs');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

/** Files that exist for the proof alone: the imports below point to them. */
const targets = [
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
  ...filesOf('cluster', CLUSTER_LAYERS),
  ...filesOf('adapter', ADAPTER_LAYERS),
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
  ['lib/cluster/driver.ts', '../transport/redis/redis.js', 'cluster-looks-down-only'],
  ['lib/cluster/memory.ts', '../transport/memory/memory.js', 'cluster-looks-down-only'],
  ['lib/cluster/redis.ts', 'ioredis', 'ioredis-stays-behind-the-port'],
  ['lib/adapter/up.ts', '../module/module.js', 'adapter-looks-down-only'],
  ['lib/adapter/http-listener.ts', '../transport/transport.js', 'adapter-looks-down-only'],
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
  ['lib/somewhere/new.ts', '../errors/error.js', 'a-new-layer-needs-a-rule'],
  ...upwardImports('cluster', CLUSTER_LAYERS),
  ...upwardImports('adapter', ADAPTER_LAYERS),
  ['lib/cluster/somewhere/new.ts', '../cluster.js', 'cluster-has-these-layers-only'],
  ['lib/adapter/somewhere/new.ts', '../adapter.js', 'adapter-has-these-layers-only'],
  ['lib/module/round.ts', './about.js', 'no-cycle'],
  ['bench/round.ts', './about.js', 'no-cycle'],
  ['lib/module/one/round.ts', '../two/down.js', 'no-cycle-of-folders', 'lib/module/one'],
  ['bench/one/round.ts', '../two/down.js', 'no-cycle-of-folders', 'bench/one'],
  ['sample-app/inside.ts', '../lib/hub/hub.js', 'sample-is-a-user'],
];

/** The same walls must leave these alone. */
const allowed = [
  // The other halves of the cycles above, which are named there.
  ['lib/module/about.ts', './round.js'],
  ['bench/about.ts', './round.js'],
  ['lib/module/two/back.ts', '../one/base.js'],
  ['lib/module/two/down.ts'],
  ['lib/module/one/base.ts'],
  ['bench/two/back.ts', '../one/base.js'],
  ['bench/two/down.ts'],
  ['bench/one/base.ts'],
  ...downwardImports('cluster', CLUSTER_LAYERS),
  ...downwardImports('adapter', ADAPTER_LAYERS),
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

const FOLDERS = ['lib', 'bench', 'sample-app'];

const found = await violations(
  root,
  FOLDERS.filter((folder) => existsSync(join(root, folder))),
);
for (const { rule, from, to } of found) {
  const broken = rules.forbidden.find(({ name }) => name === rule.name);
  console.error(`${from} -> ${to}\n  ${rule.name}: ${broken?.comment}`);
}

const faults = await proof();
for (const fault of faults) console.error(fault);

if (found.length > 0 || faults.length > 0) process.exit(1);
console.log(`The layers hold, and ${refused.length} imports that break them are refused.`);

/**
 * The faults of the rules: imports that they let pass, and imports that they refuse for no reason.
 */
async function proof() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const tree = mkdtempSync(join(root, 'dist/layers-'));
  try {
    cpSync(join(root, 'package.json'), join(tree, 'package.json'));
    cpSync(join(root, 'tsconfig.json'), join(tree, 'tsconfig.json'));
    for (const file of targets) write(tree, file, []);
    for (const [file, ...imports] of allowed) write(tree, file, imports);
    for (const [file, specifier] of refused) write(tree, file, [specifier]);

    const said = await violations(tree, FOLDERS);
    const missed = refused
      .filter(
        ([file, , name, folder = file]) =>
          !said.some(({ rule, from, to }) => rule.name === name && [from, to].includes(folder)),
      )
      .map(([file, specifier, name]) => `The rule '${name}' let ${file} import '${specifier}'.`);
    const overdone = said
      .filter(({ from }) => allowed.some(([file]) => file === from))
      .filter(({ rule }) => !rule.name.startsWith('no-cycle'))
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

/** One file for each layer. */
function filesOf(folder, layers) {
  return layers.map((name) => `lib/${folder}/${name}/${name}.ts`);
}

/**
 * From each layer: an import of the one above it, for the highest of the files beside the folders.
 */
function upwardImports(folder, layers) {
  return layers.map((name, i) => {
    const above = layers[i + 1];
    const specifier = above ? `../${above}/${above}.js` : `../${folder}.js`;
    return [`lib/${folder}/${name}/up.ts`, specifier, `${folder}-${name}-looks-down-only`];
  });
}

/** From each layer: imports of all that are below it. */
function downwardImports(folder, layers) {
  return layers.map((name, i) => [
    `lib/${folder}/${name}/down.ts`,
    ...layers.slice(0, i).map((below) => `../${below}/${below}.js`),
  ]);
}
