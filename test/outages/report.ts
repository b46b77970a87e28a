import { outages } from './outages.js';
import { OURS, subjects } from './subjects/subjects.js';
import type { Task, TaskResult } from './task.js';

/** Beyond it, members on the sender's own instance have waited for Redis. */
const MAX_SILENCE_MS = 500;

/** A trial that was played; without a result if it broke off. */
export interface Played {
  readonly task: Task;
  readonly result?: TaskResult;
}

/** All that the trials say, as a table in Markdown. */
export function tableOf(played: readonly Played[]): string {
  const rows = played.map(({ task, result }) => {
    const outage = outages.find(({ name }) => name === task.outage)!;
    const subject = subjects.find(({ name }) => name === task.subject)!;
    return [outage.title(task.pace.awayMs), subject.title, ...cellsOf(result)];
  });
  const head = [
    'outage',
    'subject',
    'lost on the other instance',
    'doubled',
    'out of order',
    "longest silence on the sender's own instance",
    'last late message, after the return',
    'unhandled errors',
  ];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cellsOf(result: TaskResult | undefined): string[] {
  if (!result) return ['broken off', '', '', '', '', ''];
  const { sent, lost, doubled, disordered, silenceMs, lateMs } = result.figures;
  return [
    `${lost} of ${sent}`,
    String(doubled),
    String(disordered),
    seconds(silenceMs),
    lateMs === undefined ? 'none was late' : seconds(lateMs),
    String(result.unhandled),
  ];
}

/** One line for who waits. */
export function describePlayed({ task, result }: Played): string {
  const name = `${task.outage}, ${task.subject}`;
  if (!result) return `${name}: broken off`;
  const { sent, lost, lostAtHome, doubled, disordered, silenceMs, lateMs } = result.figures;
  const late =
    lateMs === undefined ? 'nothing late' : `all there ${seconds(lateMs)} after the return`;
  const told = Object.entries(result.told)
    .map(
      ([side, counts]) => [side, Object.entries(counts).filter(([, count]) => count > 0)] as const,
    )
    .filter(([, counts]) => counts.length > 0)
    .map(
      ([side, counts]) => `${side}: ${counts.map(([key, count]) => `${key} ${count}`).join(', ')}`,
    );
  return (
    `${name}: ${lost} of ${sent} lost, ${lostAtHome} at home, ${doubled} doubled, ${disordered} out of order; ` +
    `silence ${seconds(silenceMs)}; ${late}` +
    (result.unhandled > 0 ? `; ${result.unhandled} unhandled errors` : '') +
    (told.length > 0 ? ` (${told.join('; ')})` : '')
  );
}

/** Why the run has failed: one line for each promise of ours that was not kept. */
export function faultsOf(played: readonly Played[]): string[] {
  return played.filter(({ task }) => task.subject === OURS).flatMap(faultsOfOne);
}

function faultsOfOne({ task, result }: Played): string[] {
  if (!result) return [`${task.outage}: broken off`];
  const { lost, lostAtHome, doubled, disordered, silenceMs } = result.figures;
  const wrong: string[] = [];
  const say = (is: boolean, text: string): void => {
    if (is) wrong.push(`${task.outage}: ${text}`);
  };
  say(lost > 0, `${lost} lost on the other instance`);
  say(lostAtHome > 0, `${lostAtHome} lost on the sender's own instance`);
  say(doubled > 0, `${doubled} doubled`);
  say(disordered > 0, `${disordered} out of order`);
  say(silenceMs > MAX_SILENCE_MS, `silence of ${seconds(silenceMs)} on the sender's own instance`);
  say(result.unhandled > 0, `${result.unhandled} unhandled errors`);
  say(result.thrown > 0, `emit threw ${result.thrown} times`);
  return wrong;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
}
