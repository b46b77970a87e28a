/** `npm run test:outages`. */
import { ForkedProgram } from '../support/forked-program.js';
import { findRedisServer, HOW_TO_INSTALL } from '../support/redis-process.js';
import { HELP, type Plan, planOf } from './arguments.js';
import { installPeers } from './install-peers.js';
import { describePlayed, faultsOf, type Played, tableOf } from './report.js';
import { OURS } from './subjects/subjects.js';
import type { Task, TaskReport } from './task.js';

const plan = planOf(process.argv.slice(2));
if (plan) process.exitCode = await main(plan);
else print(HELP);

async function main({ subjects, tasks, json }: Plan): Promise<number> {
  if (!findRedisServer()) throw new Error(`No redis-server on PATH. ${HOW_TO_INSTALL}`);
  if (subjects.some(({ name }) => name !== OURS)) installPeers();
  const played: Played[] = [];
  for (const [i, task] of tasks.entries()) {
    say(`[${i + 1}/${tasks.length}] ${task.outage}, ${task.subject} …`);
    const one = await play(task);
    played.push(one);
    say(`  ${describePlayed(one)}`);
  }
  const faults = faultsOf(played);
  print(json ? JSON.stringify({ played, faults }, undefined, 2) : tableOf(played));
  for (const fault of faults) say(`FAILED: ${fault}`);
  return faults.length === 0 ? 0 : 1;
}

/** In a process of its own. */
async function play(task: Task): Promise<Played> {
  const program = new ForkedProgram<never, TaskReport>(
    `${task.outage}, ${task.subject}`,
    new URL('./trial-process.ts', import.meta.url),
    { OUTAGE_TASK: JSON.stringify(task) },
    () => {},
  );
  const broken = program.told('broken').then(({ why }) => {
    throw new Error(why);
  });
  try {
    const { result } = await Promise.race([program.told('result'), broken]);
    return { task, result };
  } catch (error) {
    say(`  ${error instanceof Error ? error.message : String(error)}`);
    return { task };
  } finally {
    await program.kill();
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}
