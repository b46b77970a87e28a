import type { LiveViolation } from './live-violation.js';
import type { Life, LiveRun, Span } from './records.js';
import { clock } from './verify-stream.js';

const MOST_GOT = 12;
const MOST_TOLD = 4;

/**
 * What is known around a violation, for whoever looks for the reason: the faults, and what the
 * reader got of that stream.
 */
export function excerptOf({ spans, visits, lives }: LiveRun, violation: LiveViolation): string[] {
  const { target, who, detail } = violation;
  const [sender = '', sequence = ''] = detail.split(' ');
  const visit = visits.findLast(({ reader, instance }) => `${reader} on ${instance}` === who);
  const lines = [...spans.filter(({ isLag }) => !isLag).map(spanLine), ...lives.flatMap(lifeLines)];
  if (!visit) return lines;
  const got = visit.got.filter((one) => one.sender === sender && one.target === target);
  const at = got.findIndex((one) => one.sequence >= Number(sequence));
  const shown = got.slice(Math.max(0, at - MOST_GOT / 2), Math.max(0, at) + MOST_GOT / 2);
  const items = shown.map(
    (one) =>
      `${one.kind === 'mark' ? 'mark ' : ''}${one.sequence}@${clock(one.sentAt)}→${clock(one.at)}`,
  );
  const stays = visit.stays.map(
    ({ room, boundFrom, leftAskedAt }) =>
      `${room} from ${boundFrom ? clock(boundFrom) : 'never'}${leftAskedAt ? ` to ${clock(leftAskedAt)}` : ''}`,
  );
  return [...lines, `in ${stays.join(', ')}`, `got ${items.join(' ')}`];
}

function spanLine({ from, to, places, silent }: Span): string {
  const whom = places === 'all' ? 'all' : `instance ${places.join(', ')}`;
  return `${clock(from)} to ${clock(to)} (${to - from} ms): ${whom}${silent ? ', silent' : ''}`;
}

function lifeLines({ name, endedAt, counted, interruptions }: Life): string[] {
  if (interruptions.length === 0 && endedAt === undefined) return [];
  const told = interruptions
    .slice(0, MOST_TOLD)
    .map(({ instance, lost, forMs, at }) => `${lost} of ${instance} for ${forMs} ms @${clock(at)}`);
  const end = endedAt === undefined ? '' : ` ended ${clock(endedAt)},`;
  return [
    `${name}:${end} ${JSON.stringify(counted)} ${interruptions.length} told: ${told.join('; ')}`,
  ];
}
