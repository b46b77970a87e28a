import type { Log } from '../log.js';
import { gather } from './gather.js';
import type { Player } from './gather.js';
import { judge, strangers } from './judge.js';
import { kinds } from './kinds.js';
import { COPIES, play } from './play.js';
import { renderReport } from './report.js';

const GATHER_TIMEOUT_MS = 30_000;

export interface SmokeSettings {
  host: string;
  port: number;
  names: readonly string[];
  log: Log;
  signal: AbortSignal;
}

/** Checks every kind of broadcast from every worker, prints the table, and returns the exit code. */
export async function runSmoke({ host, port, names, log, signal }: SmokeSettings): Promise<number> {
  const started = performance.now();
  const trouble: string[] = [];
  let players: Player[] = [];
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(GATHER_TIMEOUT_MS)]);
    players = await gather(socketUrl(host, port), names, limit);
    trouble.push(...notReady(players));
    await play(kinds, players, names, signal);
  } catch (error) {
    trouble.push(signal.aborted ? 'stopped' : (error as Error).message);
  }
  if (players.length === 0) {
    log.say(`Smoke FAILED: ${trouble.join('; ')}`);
    return 1;
  }
  const receipts = players.map(({ client, member }) => ({
    member,
    marks: client.marks,
    unreadable: client.unreadable,
  }));
  trouble.push(...strangers(receipts));
  const verdicts = judge(kinds, names.length, COPIES, receipts);
  log.say(`\n${renderReport(verdicts, names, trouble, performance.now() - started)}`);
  await Promise.all(players.map(({ client }) => client.close()));
  const isGood = trouble.length === 0 && verdicts.every(({ problems }) => problems.length === 0);
  return isGood ? 0 : 1;
}

/** A backplane that is not there would fail everything below: this line says why. */
function notReady(players: readonly Player[]): string[] {
  const states = new Map(
    players.map(({ client: { welcome } }) => [welcome.instance, welcome.status]),
  );
  return [...states]
    .filter(([, status]) => status !== 'ready')
    .map(([instance, status]) => `the backplane of ${instance} is ${status}`);
}

function socketUrl(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `ws://${name.includes(':') ? `[${name}]` : name}:${port}/smoke`;
}
