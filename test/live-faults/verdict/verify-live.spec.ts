import { describe, expect, it } from '@jest/globals';
import type { LiveRun, Visit } from './records.js';
import { END, got, life, published, run, sent, span, stay, TARGET, visit } from './scenes.js';
import { KICK_CODE, kickReason } from './verify-commands.js';
import { verifyLive } from './verify-live.js';

const five = [1, 2, 3, 4, 5].map((n) => sent(n));
const allFive = five.map(({ sequence }) => got(sequence));
const without = (...gone: number[]) => allFive.filter(({ sequence }) => !gone.includes(sequence));

const kindsOf = (visits: Visit | Visit[], otherwise: Partial<LiveRun> = {}) =>
  verifyLive(run([visits].flat(), { sent: five, ...otherwise })).violations.map(({ kind }) => kind);

describe('a member that was there throughout', () => {
  it('has all, once, in order', () => {
    expect(kindsOf(visit(allFive))).toEqual([]);
    expect(kindsOf(visit(without(3)))).toEqual(['lost']);
    expect(kindsOf(visit(without(5)))).toEqual(['lost']);
    expect(kindsOf(visit([]))).toEqual(['lost']);
    expect(kindsOf(visit([...allFive, got(2)]))).toEqual(['double']);
    expect(kindsOf(visit([got(1), got(3), got(2), got(4), got(5)]))).toEqual(['reorder']);
  });

  it('is told in one violation how much is lost', () => {
    const { violations } = verifyLive(run([visit(without(2, 3))], { sent: five }));
    expect(violations).toHaveLength(1);
    expect(violations[0]!.detail).toMatch(/^a1 2 of .* never came, and 1 more up to 3$/);
  });

  it('need not have what was volatile, but not twice, and not late', () => {
    const some = five.map((one) => ({ ...one, volatile: one.sequence === 3 }));
    expect(kindsOf(visit(without(3)), { sent: some })).toEqual([]);
    expect(kindsOf(visit([...without(3), got(3)]), { sent: some })).toEqual(['reorder']);
    expect(
      kindsOf(visit([got(1), got(2), got(3), got(3), got(4), got(5)]), { sent: some }),
    ).toEqual(['double']);
  });

  it('may lack what a fault took that outlasted the window, if that was told', () => {
    const spans = [span(0, 1_000), span(500, 5_000)];
    expect(kindsOf(visit(without(3)), { spans: [span(0, 3_000)] })).toEqual(['lost']);
    expect(kindsOf(visit(without(3)), { spans })).toEqual(['untold']);
    const told = [
      life('a1'),
      life('b1', { counted: { unsent: 0, lostBroadcasts: 1 } }),
      life('c1'),
    ];
    expect(kindsOf(visit(without(3)), { spans, lives: told })).toEqual([]);
    const unsent = [life('a1', { counted: { unsent: 1, lostBroadcasts: 0 } }), ...told.slice(1)];
    expect(kindsOf(visit(without(3)), { spans, lives: unsent })).toEqual([]);
    const interruption = { instance: 'a', lost: 'unknown', forMs: 1, at: 1 } as const;
    const interrupted = [life('a1'), life('b1', { interruptions: [interruption] }), life('c1')];
    expect(kindsOf(visit(without(3)), { spans, lives: interrupted })).toEqual([]);
    const elsewhere = [
      life('a1'),
      life('b1'),
      life('c1', { counted: { unsent: 1, lostBroadcasts: 1 } }),
    ];
    expect(kindsOf(visit(without(3)), { spans, lives: elsewhere })).toEqual(['untold']);
    expect(verifyLive(run([visit(without(2, 3))], { sent: five, spans })).missed).toBe(2);
  });

  it('lacks nothing of its own instance, whatever is broken', () => {
    const spans = [span(0, 10_000)];
    expect(kindsOf(visit(without(3), { instance: 'a1' }), { spans })).toEqual(['lost']);
  });

  it('waits for nothing of its own instance', () => {
    const late = [...without(5), got(5, { at: 2_000 })];
    const silence = span(0, 3_000, { silent: true });
    const lag = { ...silence, isLag: true };
    expect(kindsOf(visit(late), { spans: [silence] })).toEqual([]);
    expect(kindsOf(visit(late, { instance: 'a1' }), { spans: [silence] })).toEqual(['late']);
    expect(kindsOf(visit(late, { instance: 'a1' }), { spans: [lag] })).toEqual([]);
  });
});

describe('a sender that ended', () => {
  const killed = [life('a1', { endedAt: 60, counted: undefined }), life('b1'), life('c1')];
  const closed = [life('a1', { endedAt: 60, orderly: true }), life('b1'), life('c1')];
  const spans = [span(0, 1_000)];

  it('may take its last moments with it, if it was killed', () => {
    expect(kindsOf(visit(without(4, 5)), { lives: killed })).toEqual([]);
    expect(kindsOf(visit(without(4, 5)), { lives: closed })).toEqual(['lost']);
    const early = killed.map((one) => ({ ...one, endedAt: one.endedAt && 1_000 }));
    expect(kindsOf(visit(without(4, 5)), { lives: early })).toEqual(['lost']);
  });

  it('may have no time to make good what a fault took', () => {
    expect(kindsOf(visit(without(4, 5)), { lives: closed, spans })).toEqual([]);
    const later = closed.map((one) => ({ ...one, endedAt: one.endedAt && 9_000 }));
    expect(kindsOf(visit(without(4, 5)), { lives: later, spans })).toEqual(['lost']);
  });

  it('leaves holes that its receivers know of', () => {
    expect(kindsOf(visit(without(4)), { lives: killed })).toEqual(['untold']);
  });

  it('need not have said what it sent last', () => {
    expect(kindsOf(visit(allFive), { lives: killed, sent: five.slice(0, 4) })).toEqual([]);
  });
});

describe('who comes and goes', () => {
  const joined = (from: number, otherwise = {}) => ({ stays: [stay('r', from, otherwise)] });
  const later = [100, 200].map((n) => sent(n));

  it('gets nothing older than its membership', () => {
    expect(kindsOf(visit(without(1, 2), joined(25)))).toEqual([]);
    expect(kindsOf(visit([got(2, { at: 27 }), ...without(1, 2)], joined(25)))).toEqual([]);
    expect(kindsOf(visit(without(1, 2, 3), joined(25)))).toEqual(['lost']);
    const late = [got(100, { at: 1_600 }), got(200)];
    const spans = [span(900, 1_700)];
    expect(kindsOf(visit(late, joined(1_300)), { sent: later, spans })).toEqual(['stale']);
    expect(kindsOf(visit(late, joined(1_090)), { sent: later, spans })).toEqual([]);
  });

  it('may get what is older, where nobody could tell', () => {
    const late = [got(100, { at: 1_600 }), got(200)];
    const silence = (places: number[]) => [span(1_000, 1_500, { silent: true, places })];
    const kinds = (places: number[]) =>
      kindsOf(visit(late, joined(1_300)), { sent: later, spans: silence(places) });
    expect(kinds([0])).toEqual([]);
    expect(kinds([1])).toEqual([]);
    expect(kinds([2])).toEqual(['stale']);
  });

  it('gets nothing when it has left, and has all that came before', () => {
    const left = joined(0, { leftAskedAt: 25, leftAt: 27 });
    expect(kindsOf(visit(without(3, 4, 5), left))).toEqual([]);
    expect(kindsOf(visit(without(2, 3, 4, 5), left))).toEqual([]);
    expect(kindsOf(visit(without(4, 5), left))).toEqual(['misdirected']);
    expect(kindsOf(visit(without(1, 3, 4, 5), left))).toEqual(['lost']);
  });

  it('is owed nothing more when its connection, or its instance, ends', () => {
    expect(kindsOf(visit(without(3, 4, 5), { leavingAt: 33 }))).toEqual([]);
    expect(kindsOf(visit(without(2, 4, 5), { leavingAt: 33 }))).toEqual(['lost']);
  });

  it('is owed nothing before its joining was confirmed', () => {
    expect(kindsOf(visit([], joined(0, { boundFrom: undefined })))).toEqual([]);
    expect(kindsOf(visit([], { stays: [] }))).toEqual([]);
    expect(kindsOf(visit(without(2, 3, 4, 5), { stays: [] }))).toEqual(['misdirected']);
  });
});

describe('targets', () => {
  const as = (target: string, otherwise: Partial<Visit> = {}, gone: number[] = []) =>
    kindsOf(
      visit(
        without(...gone).map((one) => ({ ...one, target })),
        otherwise,
      ),
      { sent: five.map((one) => ({ ...one, target })) },
    );

  it('mean rooms, users, connections and everyone', () => {
    for (const target of ['all', 'user:u', 'connections:x,b1.1', 'rooms:q,r', 'except:r']) {
      expect(as(target)).toEqual([]);
      expect(as(target, {}, [2])).toEqual(['lost']);
    }
    for (const target of ['user:v', 'connections:x', 'rooms:p,q', 'except:q']) {
      expect(as(target, {}, [1, 2, 3, 4, 5])).toEqual([]);
      expect(as(target, {}, [2, 3, 4, 5])).toEqual(['misdirected']);
    }
  });

  it('except those who were there when it was sent', () => {
    const muted = (from: number, otherwise = {}) => ({
      stays: [stay('r', -1_000), stay('muted', from, otherwise)],
    });
    const all = [1, 2, 3, 4, 5];
    expect(as('except:r', muted(-900), all)).toEqual([]);
    expect(as('except:r', muted(-900), [2, 3, 4, 5])).toEqual(['misdirected']);
    expect(as('except:r', muted(10_000), all)).toEqual(['lost']);
    expect(as('except:r', muted(10_000))).toEqual([]);
    expect(as('except:r', muted(-900, { leftAskedAt: -700, leftAt: -699 }), all)).toEqual(['lost']);
    // Nobody can tell what came first.
    expect(as('except:r', muted(30), all)).toEqual([]);
    expect(as('except:r', muted(30))).toEqual([]);
  });
});

describe('a publish', () => {
  it('that was taken is owed', () => {
    expect(kindsOf(visit([]), { sent: [published(1, 'taken', 12)] })).toEqual(['lost']);
    expect(kindsOf(visit([]), { sent: [published(1, 'maybe', 12)] })).toEqual([]);
    expect(kindsOf(visit([]), { sent: [published(1, 'never', 12)] })).toEqual([]);
    expect(kindsOf(visit([]), { sent: [sent(1, { publishing: 'unknown' })] })).toEqual([]);
  });

  it('that was not sent does not arrive elsewhere', () => {
    const never = { sent: [published(1, 'never', 12)] };
    expect(kindsOf(visit([got(1)]), never)).toEqual(['rejected-yet-arrived']);
    expect(kindsOf(visit([got(1)], { instance: 'a1' }), never)).toEqual([]);
  });

  it('that was rejected does not arrive later, but for what holds it up', () => {
    const maybe = { sent: [published(1, 'maybe', 12)] };
    const at = (at: number, spans = [span(0, 5)]) =>
      kindsOf(visit([got(1, { at })]), { ...maybe, spans });
    expect(at(500, [])).toEqual([]);
    expect(at(2_000, [span(0, 1_000, { places: [0] })])).toEqual(['rejected-yet-arrived']);
    expect(at(2_000, [span(0, 1_800, { places: [0], silent: true })])).toEqual([]);
    expect(at(2_000, [span(0, 1_000)])).toEqual([]);
    expect(at(2_000, [span(0, 1_000, { places: [1] })])).toEqual([]);
  });
});

describe('a command', () => {
  const mark = (n: number) => got(n, { kind: 'mark', at: END });

  it('between servers comes after what was sent before it', () => {
    const one = { sent: [sent(1)] };
    expect(kindsOf(visit([got(1), mark(1)]), one)).toEqual([]);
    expect(kindsOf(visit([mark(1), got(1)]), one)).toEqual(['overtaken']);
    const spans = [span(0, 10_000)];
    expect(kindsOf(visit([mark(1), got(1)]), { ...one, spans })).toEqual([]);
    const late = { stays: [stay('r', 50)] };
    expect(kindsOf(visit([mark(1)], late), one)).toEqual([]);
  });

  it('that disconnects comes after what was sent before it', () => {
    const target = 'room:own 0';
    const closed = { code: KICK_CODE, reason: kickReason('a1', 1, 10) };
    const end = { closed, leavingAt: 15, stays: [stay('own 0', 0)] };
    const one = { sent: [sent(1, { target })] };
    expect(kindsOf(visit([got(1, { target })], end), one)).toEqual([]);
    expect(kindsOf(visit([], end), one)).toEqual(['overtaken']);
    expect(kindsOf(visit([], end), { ...one, spans: [span(0, 10_000)] })).toEqual([]);
    expect(kindsOf(visit([], { ...end, stays: [stay('own 0', 12)] }), one)).toEqual([]);
  });
});

describe('an instance', () => {
  it('closes nobody but whom it was told to', () => {
    const closed = { code: 4_408, reason: 'slow' };
    expect(kindsOf(visit(allFive, { closed, leavingAt: 90 }))).toEqual(['disconnected']);
  });

  it('says nothing of a loss where nothing lasted longer than the window', () => {
    const told = [life('a1', { counted: { unsent: 1, lostBroadcasts: 0 } }), life('b1')];
    expect(kindsOf(visit(allFive), { lives: told })).toEqual(['told-in-vain']);
    expect(kindsOf(visit(allFive), { lives: told, spans: [span(0, 3_000)] })).toEqual([
      'told-in-vain',
    ]);
    expect(kindsOf(visit(allFive), { lives: told, spans: [span(0, 9_000)] })).toEqual([]);
    const volatile = [sent(1, { volatile: true })];
    expect(kindsOf(visit([]), { lives: told, sent: volatile })).toEqual([]);
    const followed = five.map((one) => ({ ...one, hasServerEvent: one.sequence === 3 }));
    expect(kindsOf(visit(allFive), { lives: told, sent: followed })).toEqual([]);
    const ended = [...told, life('c1', { endedAt: 20 })];
    expect(kindsOf(visit(allFive), { lives: ended })).toEqual([]);
  });
});

it('knows the targets of its scenes', () => {
  expect(five[0]!.target).toBe(TARGET);
});
