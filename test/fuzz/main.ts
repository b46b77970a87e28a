/** `npm run test:fuzz`. */
import { parseArgs } from 'node:util';
import { fuzzEnvelopes } from './fuzz-envelopes.js';
import { fuzzFrames, type FuzzOptions, type FuzzReport } from './fuzz-frames.js';

const HELP = `npm run test:fuzz -- [options]

  --seed n        of what is sent (default: some)
  --frames n      how many odd frames of clients (default 200000)
  --envelopes n   how many odd envelopes of other instances (default 200000)
`;
/** The most that the heap may grow from the first quarter to the end. */
const MAX_GROWN_BYTES = 16 * 1024 * 1024;
/** Lines in the log are throttled by kind: one a minute. */
const MAX_LINES_A_MINUTE = 60;
const PROGRESS_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    frames: { type: 'string', default: '200000' },
    envelopes: { type: 'string', default: '200000' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
// A part that did not close after an error must not keep the process.
else process.exit(await main());

async function main(): Promise<number> {
  const seed = whole('seed', values.seed ?? String(Date.now() % 1_000_000));
  const fatal: unknown[] = [];
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(kind, (error: unknown) => fatal.push(error));
  say(`seed ${seed}`);
  const good = [
    await play('frames', fuzzFrames, { seed, count: whole('frames', values.frames) }),
    await play('envelopes', fuzzEnvelopes, { seed, count: whole('envelopes', values.envelopes) }),
  ];
  for (const error of fatal.slice(0, 5)) say(`would have ended the process: ${shown(error)}`);
  say(`${fatal.length} errors that would have ended the process`);
  return fatal.length === 0 && good.every(Boolean) ? 0 : 1;
}

/** False if something was wrong. */
async function play(
  what: string,
  fuzz: (options: FuzzOptions) => Promise<FuzzReport>,
  options: FuzzOptions,
): Promise<boolean> {
  if (options.count === 0) return true;
  try {
    const { grownBytes, lines, faults, seconds, figures } = await fuzz({
      ...options,
      onProgress: progressOf(what, options.count),
    });
    const grown = (grownBytes / 1024 / 1024).toFixed(1);
    say(`${what}: ${JSON.stringify(figures)}`);
    say(
      `${what}: ${seconds.toFixed(0)} s, heap grown by ${grown} MiB, ${lines} lines in the log, ${faults} faults`,
    );
    if (faults > 0) return false;
    return grownBytes < MAX_GROWN_BYTES && lines < MAX_LINES_A_MINUTE * Math.ceil(seconds / 60);
  } catch (error) {
    say(`${what}: BROKEN OFF: ${shown(error)}`);
    return false;
  }
}

/** Says from time to time how far it is. */
function progressOf(what: string, count: number): (sent: number) => void {
  let saidAt = performance.now();
  return (sent) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = performance.now();
    const heap = (process.memoryUsage().heapUsed / 1024 / 1024).toFixed(0);
    say(`${what}: ${sent} of ${count}, heap ${heap} MiB`);
  };
}

function shown(error: unknown): string {
  return (error instanceof Error && error.stack) || `no error but a ${typeof error}`;
}

function whole(name: string, given: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`--${name} must be a whole number, got "${given}".`);
  return value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
