import type { Got, Life, LiveRun, Publishing, Sent, Span, Stay, Visit } from './records.js';

/**
 * Scenes for the judges: an instance `a1` writes, a client of `b1` reads. Times are ms from the
 * begin.
 */

export const TARGET = 'room:r';
export const WINDOW_MS = 4_000;
export const END = 60_000;

export function life(name: string, otherwise: Partial<Life> = {}): Life {
  return {
    name,
    place: 'abc'.indexOf(name[0]!),
    endedAt: undefined,
    orderly: false,
    counted: { unsent: 0, lostBroadcasts: 0 },
    interruptions: [],
    ...otherwise,
  };
}

/** Number `sequence`, sent at ten times that, in ms. */
export function sent(sequence: number, otherwise: Partial<Sent> = {}): Sent {
  return {
    sender: 'a1',
    target: TARGET,
    sequence,
    sentAt: sequence * 10,
    volatile: false,
    ...otherwise,
  };
}

export function published(sequence: number, outcome: Publishing['outcome'], at: number): Sent {
  return sent(sequence, { publishing: { outcome, at } });
}

/** It comes 2 ms later. */
export function got(sequence: number, otherwise: Partial<Got> = {}): Got {
  const sentAt = sequence * 10;
  return {
    kind: 'message',
    sender: 'a1',
    target: TARGET,
    sequence,
    sentAt,
    at: sentAt + 2,
    ...otherwise,
  };
}

export function stay(room: string, from: number, otherwise: Partial<Stay> = {}): Stay {
  return {
    room,
    askedAt: from,
    boundFrom: from + 1,
    leftAskedAt: undefined,
    leftAt: undefined,
    ...otherwise,
  };
}

/** In the room `r` from the begin on. */
export function visit(received: readonly Got[], otherwise: Partial<Visit> = {}): Visit {
  return {
    reader: 'reader 0',
    instance: 'b1',
    user: 'u',
    id: 'b1.1',
    askedAt: 0,
    boundFrom: 1,
    leavingAt: undefined,
    closed: undefined,
    stays: [stay('r', 0)],
    got: received,
    ...otherwise,
  };
}

export function span(from: number, to: number, otherwise: Partial<Span> = {}): Span {
  return { from, to, places: 'all', silent: false, ...otherwise };
}

export function run(visits: readonly Visit[], otherwise: Partial<LiveRun> = {}): LiveRun {
  return {
    windowMs: WINDOW_MS,
    lives: [life('a1'), life('b1'), life('c1')],
    spans: [],
    sent: [],
    visits,
    ...otherwise,
  };
}
