import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const program = fileURLToPath(new URL('fixtures/shutdown-hints.ts', import.meta.url));
const typescript = new URL('../support/register-typescript.mjs', import.meta.url).href;
/** By which an app knows that it is being tested. */
const TESTED = ['NODE_ENV', 'JEST_WORKER_ID'];

it('an app that listens, and that nothing closes at SIGTERM, says so once; others say nothing', async () => {
  const env = Object.entries(process.env).filter(([name]) => !TESTED.includes(name));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', typescript, '--disable-warning=ExperimentalWarning', program],
    { env: Object.fromEntries(env) },
  );
  expect(JSON.parse(stdout)).toEqual({
    nothing: [
      expect.stringMatching(
        /^WARN \[RedisBackplaneModule\] Nothing closes this app at SIGTERM.*Call app\.enableShutdownHooks\(\)/,
      ),
    ],
    'closed at once, without a port, made for a test': [],
    'shutdown hooks, after listen': [],
    'a listener of its own': [],
  });
}, 60_000);
