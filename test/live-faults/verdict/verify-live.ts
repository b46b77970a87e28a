import { targetNamed } from '../plan/targets.js';
import { groupBy } from '../../continuity/verdict/group-by.js';
import type { LiveViolation } from './live-violation.js';
import { Outages } from './outages.js';
import type { Got, Life, LiveRun, Sent, Visit } from './records.js';
import { KICK_CODE, verifyCommands } from './verify-commands.js';
import { type Missed, verifyStream } from './verify-stream.js';
import { type MissedOfPair, verifyTold, verifyUntroubled } from './verify-told.js';

export interface LiveVerdict {
  readonly violations: readonly LiveViolation[];
  /** Messages, one for each connection that did not get it, that the faults explain. */
  readonly missed: number;
}

/** All that was wrong in a schedule. */
export function verifyLive(run: LiveRun): LiveVerdict {
  const outages = new Outages(run.spans, run.windowMs);
  const lives = new Map(run.lives.map((life) => [life.name, life]));
  const streams = streamsOf(run.sent);
  const violations: LiveViolation[] = [];
  const missed = new Map<string, MissedOfPair & { missed: Missed[] }>();
  for (const visit of run.visits) {
    violations.push(...verifyCommands(visit, lives, outages), ...disconnection(visit));
    const got = groupBy(messagesOf(visit), keyOf);
    for (const key of new Set([...streams.keys(), ...got.keys()])) {
      const [sender, target] = partsOf(key);
      const pair = { sender: lives.get(sender)!, receiver: lives.get(visit.instance)! };
      const facts = { ...pair, target: targetNamed(target), outages };
      const verdict = verifyStream(visit, streams.get(key) ?? [], got.get(key) ?? [], facts);
      violations.push(...verdict.violations);
      if (verdict.missed.length === 0) continue;
      const of = `${sender} ${visit.instance}`;
      if (!missed.has(of)) missed.set(of, { ...pair, missed: [] });
      missed.get(of)!.missed.push(...verdict.missed);
    }
  }
  const pairs = [...missed.values()];
  violations.push(...verifyTold(pairs, run.sent));
  if (isUntroubled(run, outages)) violations.push(...verifyUntroubled(run.lives, run.sent));
  return { violations, missed: pairs.reduce((sum, one) => sum + one.missed.length, 0) };
}

function streamsOf(sent: readonly Sent[]): Map<string, Sent[]> {
  const streams = groupBy(sent, keyOf);
  for (const stream of streams.values()) stream.sort((a, b) => a.sequence - b.sequence);
  return streams;
}

function messagesOf({ got }: Visit): Got[] {
  return got.filter(({ kind }) => kind === 'message');
}

function keyOf({ sender, target }: Pick<Sent, 'sender' | 'target'>): string {
  return `${sender} ${target}`;
}

function partsOf(key: string): [sender: string, target: string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

function disconnection({ closed, reader, instance }: Visit): LiveViolation[] {
  if (!closed || closed.code === KICK_CODE) return [];
  const detail = `${closed.code} ${closed.reason}`;
  return [{ kind: 'disconnected', target: '', who: `${reader} on ${instance}`, detail }];
}

/** No fault lasted longer than the window, and nobody ended. */
function isUntroubled({ lives, spans }: LiveRun, outages: Outages): boolean {
  if (spans.some(({ lapses }) => lapses)) return false;
  if (lives.some(({ endedAt }) => endedAt !== undefined)) return false;
  const places: readonly number[] = [...new Set(lives.map(({ place }: Life) => place))];
  return places.every((a) =>
    places.every((b) => a === b || spans.every(({ from }) => !outages.outlasted(a, b, from))),
  );
}
