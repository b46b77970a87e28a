import { ownRoom } from '../plan/targets.js';
import type { LiveViolation } from './live-violation.js';
import type { Outages } from './outages.js';
import type { Got, Life, Visit } from './records.js';

/** The close code of `disconnectSockets` behind a message; the reason is {@link kickReason}. */
export const KICK_CODE = 4_000;

/** Names the message before it. */
export function kickReason(sender: string, sequence: number, sentAt: number): string {
  return `${sender} ${sequence} ${sentAt}`;
}

/**
 * Who was disconnected, or heard of an event between servers, has what the same instance had sent
 * before.
 */
export function verifyCommands(
  visit: Visit,
  lives: ReadonlyMap<string, Life>,
  outages: Outages,
): LiveViolation[] {
  const isExcused = (sender: string, sentAt: number): boolean => {
    const [from, to] = [lives.get(sender)!, lives.get(visit.instance)!];
    return from === to ? false : outages.outlasted(from.place, to.place, sentAt);
  };
  return [...marks(visit, isExcused), ...kick(visit, isExcused)];
}

type IsExcused = (sender: string, sentAt: number) => boolean;

function marks(visit: Visit, isExcused: IsExcused): LiveViolation[] {
  const places = new Map<string, number>();
  for (const [i, one] of visit.got.entries())
    if (one.kind === 'message' && !places.has(keyOf(one))) places.set(keyOf(one), i);
  return visit.got.flatMap((mark, i): LiveViolation[] => {
    if (mark.kind !== 'mark') return [];
    const { sender, target, sequence, sentAt } = mark;
    const place = places.get(keyOf(mark)) ?? Infinity;
    const room = target.slice(target.indexOf(':') + 1);
    if (place < i || !wasIn(visit, room, sentAt, mark.at) || isExcused(sender, sentAt)) return [];
    const detail = `${sender} ${sequence} ${place === Infinity ? 'never came' : 'came'}, after the event behind it`;
    return [{ kind: 'overtaken', target, who: whoOf(visit), detail }];
  });
}

function kick(visit: Visit, isExcused: IsExcused): LiveViolation[] {
  if (visit.closed?.code !== KICK_CODE) return [];
  const [sender = '', sequence = '', at = ''] = visit.closed.reason.split(' ');
  const target = `room:${ownRoom(Number(visit.reader.split(' ')[1]))}`;
  const sentAt = Number(at);
  const isThere = visit.got.some(
    (one) =>
      one.kind === 'message' &&
      one.sender === sender &&
      one.target === target &&
      one.sequence === Number(sequence),
  );
  const room = target.slice('room:'.length);
  if (isThere || !wasIn(visit, room, sentAt, sentAt) || isExcused(sender, sentAt)) return [];
  const detail = `it was closed before ${sender} ${sequence} came`;
  return [{ kind: 'overtaken', target, who: whoOf(visit), detail }];
}

function wasIn({ stays }: Visit, room: string, from: number, to: number): boolean {
  return stays.some(
    (stay) =>
      stay.room === room &&
      (stay.boundFrom ?? Infinity) < from &&
      (stay.leftAskedAt ?? Infinity) > to,
  );
}

function keyOf({ sender, target, sequence }: Got): string {
  return `${sender} ${sequence} ${target}`;
}

function whoOf({ reader, instance }: Visit): string {
  return `${reader} on ${instance}`;
}
