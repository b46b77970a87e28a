import { parseArgs } from 'node:util';
import { type Outage, outages } from './outages.js';
import { subjects } from './subjects/subjects.js';
import type { Subject } from './subjects/subject.js';
import type { Task } from './task.js';

export interface Plan {
  readonly outages: readonly Outage[];
  readonly subjects: readonly Subject[];
  readonly tasks: readonly Task[];
  readonly json: boolean;
}

export const HELP = `npm run test:outages -- [options]

  --quick         short outages, 5 s of messages each
  --only a,b      these outages
  --subjects a,b  these subjects
  --window ms     liveWindowMs of ours (0: off)
  --json          the figures as JSON, in place of the table
  --help          this

outages:  ${outages.map(({ name }) => name).join(', ')}
subjects: ${subjects.map(({ name }) => name).join(', ')}
`;

const FULL = { sendMs: 30_000, beforeMs: 5_000 };
const QUICK = { sendMs: 5_000, beforeMs: 1_000 };

/** Undefined if help was all that was asked for. */
export function planOf(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      subjects: { type: 'string' },
      window: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick, json } = values;
  const window = values.window === undefined ? {} : { windowMs: milliseconds(values.window) };
  const chosen = {
    outages: pick('outage', outages, values.only),
    subjects: pick('subject', subjects, values.subjects),
  };
  const tasks = chosen.outages.flatMap((outage) =>
    chosen.subjects.map(({ name }): Task => {
      const awayMs = quick ? outage.quickAwayMs : outage.awayMs;
      return {
        subject: name,
        outage: outage.name,
        pace: { ...(quick ? QUICK : FULL), awayMs },
        ...window,
      };
    }),
  );
  return { ...chosen, tasks, json };
}

function milliseconds(given: string): number {
  const value = Number(given);
  if (given !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`--window must be a whole number of milliseconds, got "${given}".`);
}

function pick<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  list: string | undefined,
): readonly T[] {
  if (list === undefined) return all;
  return list.split(',').map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found) return found;
    throw new TypeError(
      `No ${what} "${name}". There are: ${all.map((one) => one.name).join(', ')}.`,
    );
  });
}
