import type { Log } from '../log.js';
import { gather } from './gather.js';
import type { Player } from './gather.js';
import { judge, strangers } from './judge.js';
import { disorder, judgeReadings } from './judge-history.js';
import type { Reading } from './judge-history.js';
import { kinds } from './kinds.js';
import type { Kind } from './kinds.js';
import { COPIES, Play } from './play.js';
import { renderReport } from './report.js';
import { withTimeLimit } from './time-limit.js';

const GATHER_TIMEOUT_MS = 30_000;

export interface SmokeSettings {
  host: string;
  port: number;
  names: readonly string[];
  log: Log;
  signal: AbortSignal;
}

/**
 * Checks every kind of broadcast from every worker, prints the table, and returns the exit code.
 */
export async function runSmoke(settings: SmokeSettings): Promise<number> {
  const { host, port, names, log, signal } = settings;
  const started = performance.now();
  let players: Player[] = [];
  try {
    players = await withTimeLimit(GATHER_TIMEOUT_MS, signal, (limit) =>
      gather(socketUrl(host, port), names, limit),
    );
    const trouble = notReady(players);
    if (trouble.length > 0) throw new Error(trouble.join(', '));
    const report = await playAndJudge(players, settings, started);
    log.say(`\n${report.text}`);
    return report.isGood ? 0 : 1;
  } catch (error) {
    log.say(`Smoke FAILED: ${(error as Error).message}`);
    return 1;
  } finally {
    await Promise.all(players.map(({ client }) => client.close()));
  }
}

async function playAndJudge(
  players: readonly Player[],
  { names, signal }: SmokeSettings,
  started: number,
): Promise<{ text: string; isGood: boolean }> {
  const trouble: string[] = [];
  const play = new Play(kinds, players, names);
  const readings = new Map<Kind, Reading[]>();
  try {
    await play.run(signal);
    for (const kind of kinds)
      if (kind.keptIn) readings.set(kind, await play.read(kind.keptIn, signal));
  } catch (error) {
    trouble.push(`stopped early: ${signal.aborted ? 'by a signal' : (error as Error).message}`);
  }
  const receipts = players.map(({ client: { marks, unreadable }, member }) => {
    return { member, marks, unreadable };
  });
  trouble.push(...strangers(receipts));
  const verdicts = judge(kinds.slice(0, play.rounds), names.length, COPIES, receipts);
  for (const [kind, read] of readings) {
    verdicts.push(...judgeReadings(kind, names.length, COPIES, read));
    trouble.push(...disorder(kinds.indexOf(kind), receipts, read));
  }
  const isGood = trouble.length === 0 && verdicts.every(({ problems }) => problems.length === 0);
  return { text: renderReport(verdicts, names, trouble, performance.now() - started), isGood };
}

/** Without its backplane an instance would fail everything: this says why. */
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
