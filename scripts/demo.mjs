#!/usr/bin/env node
// The demo: a chat on several worker processes behind one port. `npm run demo -- --help` tells the
// options.
import { BuildError, ensureBuilt } from './demo-build.mjs';

try {
  await ensureBuilt();
  const { main } = await import('../dist/sample-app/workers/cli.js');
  process.exitCode = await main(process.argv.slice(2), process.env);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
