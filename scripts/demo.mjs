#!/usr/bin/env node
// The demo: a chat on several worker processes behind one port. `npm run demo -- --help` tells the options.
import { ensureBuilt } from './demo-build.mjs';

await ensureBuilt();
const { main } = await import('../dist/sample-app/garden/cli.js');
process.exitCode = await main(process.argv.slice(2), process.env);
