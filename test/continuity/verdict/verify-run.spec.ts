import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Membership } from './membership.js';
import type { Append, Chapter } from './recording.js';
import { append, appends, fromEmpty, member, promoted, range, received, ROOM } from './scenes.js';
import type { Acknowledgement } from './verify-log.js';
import { verifyRun } from './verify-run.js';

const streamDeleted = { kind: 'stream-deleted', room: ROOM } as const;
const metaDeleted = { kind: 'meta-deleted', room: ROOM } as const;

function verdict(
  chapters: readonly Chapter[],
  memberships: readonly Membership[],
  {
    size = 1_000,
    acknowledgements = [] as readonly Acknowledgement[],
    emitted = [] as readonly string[],
    unsent = 0,
  } = {},
): string[] {
  const run = { chapters, memberships, acknowledgements, emitted, unsent, sizeOf: () => size };
  return verifyRun(run).map(({ kind }) => kind);
}

describe('the verdict', () => {
  const ten = [fromEmpty(...appends(1, 10))];

  it.each<[string, (number | string)[], string[]]>([
    ['all in order', range(1, 10), []],
    ['a gap', [...range(1, 4), ...range(6, 10)], ['gap']],
    ['a gap at the begin', range(2, 10), ['gap']],
    ['a gap at the end', range(1, 9), ['gap']],
    ['nothing', [], ['gap']],
    ['a double', [...range(1, 5), 5, ...range(6, 10)], ['double']],
    ['two in the wrong order', [1, 2, 4, 3, ...range(5, 10)], ['gap']],
    ['a stranger', [1, 99, ...range(2, 10)], ['phantom']],
    ['a loss that nothing explains', [1, 2, 'why', ...range(3, 10)], ['unjustified-lost']],
    ['a loss at the end that nothing explains', [...range(1, 9), 'why'], ['unjustified-lost']],
  ])('of a member that got %s', (_, items, kinds) => {
    expect(verdict(ten, [member(...items)]).slice(0, 1)).toEqual(kinds);
  });

  it('lets a member begin anywhere before what was sent after it had joined', () => {
    const late = { ...member(), boundFrom: 4 };
    for (const first of [1, 3, 5]) {
      expect(verdict(ten, [{ ...late, received: received(...range(first, 10)) }])).toEqual([]);
    }
    expect(verdict(ten, [{ ...late, received: received(...range(6, 10)) }])).toEqual(['gap']);
    expect(verdict(ten, [{ ...late, boundFrom: undefined }])).toEqual([]);
  });

  it('asks nothing of a member that left but order', () => {
    const left = { ...member(1, 2, 3), stayed: false };
    expect(verdict(ten, [left])).toEqual([]);
    expect(verdict(ten, [{ ...left, received: received(1, 3) }])).toEqual(['gap']);
  });

  it('finds what was delivered on the instance before the member came', () => {
    const early = member(...range(1, 10));
    const late = {
      ...member(),
      askedAt: 5,
      boundFrom: 5,
      received: received(...range(5, 10)).map((one) => ({ ...one, at: 20 })),
    };
    expect(verdict(ten, [early, late])[0]).toBe('stale');
    expect(verdict(ten, [early, { ...late, instance: 'another' }])).toEqual([]);
  });

  describe('of a member that joined while its instance was cut off', () => {
    const offline = { ...member(), boundFrom: 2, joinedOffline: true };
    const told = (at: number) => ({ kind: 'lost', reason: 'joined-offline', at }) as const;
    const got = (at: number, first: number) => ({
      ...offline,
      received: [told(at), ...received(...range(first, 10))],
    });

    it('allows that it begins where it was told, or earlier', () => {
      expect(verdict(ten, [got(6, 7)])).toEqual([]);
      expect(verdict(ten, [got(6, 4)])).toEqual([]);
      expect(verdict(ten, [{ ...offline, received: received(...range(3, 10)) }])).toEqual([]);
    });

    it('asks for all that was sent after it was told, and all of it where it was not told', () => {
      expect(verdict(ten, [got(6, 8)])).toEqual(['unjustified-lost']);
      expect(verdict(ten, [{ ...offline, received: [told(6)] }])).toEqual(['unjustified-lost']);
      expect(verdict(ten, [{ ...offline, received: received(...range(4, 10)) }])).toEqual(['gap']);
      expect(verdict(ten, [offline])).toEqual(['gap']);
    });

    it('believes it once, and only who was offline', () => {
      const twice = [...received(3, 4), told(6), ...received(...range(7, 10))];
      expect(verdict(ten, [{ ...offline, received: twice }])).toEqual(['unjustified-lost']);
      expect(verdict(ten, [{ ...got(6, 7), joinedOffline: false }])).toEqual(['unjustified-lost']);
      // Of those who were there before it.
      expect(verdict(ten, [{ ...got(2, 3), joinedOffline: false }])).toEqual([]);
    });

    it('asks for nothing that was sent after it left', () => {
      expect(verdict(ten, [{ ...offline, received: [told(6)], stayed: false }])).toEqual([]);
    });
  });

  describe('of a loss that was said', () => {
    it('asks for what was sent after it was told', () => {
      const chapters = [fromEmpty(...appends(1, 5)), fromEmpty(...appends(6, 9, 1))];
      const lost = (at: number) => ({ kind: 'lost', reason: 'new-epoch', at }) as const;
      const got = (at: number) => [...received(1, 2), lost(at), ...received(8, 9)];
      expect(verdict(chapters, [{ ...member(), received: got(7) }])).toEqual([]);
      expect(verdict(chapters, [{ ...member(), received: got(6) }])).toEqual(['unjustified-lost']);
    });

    it.each<[string, Chapter[], (number | string)[], string | undefined]>([
      [
        'for an emptied Redis',
        [fromEmpty(...appends(1, 5)), fromEmpty(...appends(6, 9, 1))],
        [1, 2, 'x', 8, 9],
        undefined,
      ],
      [
        'for an emptied Redis, too late',
        [fromEmpty(...appends(1, 5)), fromEmpty(...appends(6, 9, 1))],
        [1, 2, 3, 4, 5, 6, 'x', 8, 9],
        'unjustified-lost',
      ],
      [
        'not, for an emptied Redis',
        [fromEmpty(...appends(1, 5)), fromEmpty(...appends(6, 9, 1))],
        [1, 2, 6, 7, 8, 9],
        'gap',
      ],
      [
        'for a deleted meta',
        [fromEmpty(...appends(1, 5), metaDeleted, streamDeleted, ...appends(6, 9, 1))],
        [1, 2, 3, 'x', 7, 8, 9],
        undefined,
      ],
      [
        'for a deleted stream',
        [fromEmpty(...appends(1, 5), streamDeleted, ...appends(6, 9))],
        [1, 2, 3, 'x', 6, 7, 8, 9],
        undefined,
      ],
      [
        'for a deleted stream that had nothing left to give',
        [fromEmpty(...appends(1, 5), streamDeleted, ...appends(6, 9))],
        [1, 2, 3, 4, 5, 'x', 6, 7, 8, 9],
        'unjustified-lost',
      ],
      [
        'for a stream that was deleted before',
        [fromEmpty(...appends(1, 3), streamDeleted, ...appends(4, 9))],
        [1, 2, 3, 4, 'x', 6, 7, 8, 9],
        'unjustified-lost',
      ],
    ])('%s', (_, chapters, items, kind) => {
      expect(verdict(chapters, [member(...items)])[0]).toBe(kind);
    });

    it('for a log that was trimmed, and only if it was', () => {
      const skipped = [member(1, 2, 'x', 7, 8, 9, 10)];
      expect(verdict(ten, skipped, { size: 3 })).toEqual([]);
      expect(verdict(ten, skipped, { size: 4 })).toEqual(['unjustified-lost']);
    });
  });

  describe('of a failover to a replica that lagged', () => {
    const master = fromEmpty(...appends(1, 6));
    const copied = master.recorded.slice(0, 4);
    const chapters = [master, promoted(...copied, ...appends(7, 9, 5))];

    it.each<[string, (number | string)[], string | undefined]>([
      ['never saw what the replica lacks', [1, 2, 3, 4, 7, 8, 9], undefined],
      ['saw all of it', [1, 2, 3, 4, 5, 6, 7, 8, 9], undefined],
      ['saw it, and was told of a loss', [1, 2, 3, 4, 5, 6, 'forked', 9], undefined],
      ['saw it, and skipped as many of the new ones', [1, 2, 3, 4, 5, 6, 9], 'gap'],
      ['skipped what the replica has', [1, 2, 3, 7, 8, 9], 'gap'],
      ['goes back', [1, 2, 3, 4, 7, 5, 8, 9], 'reorder'],
    ])('to a member that %s', (_, items, kind) => {
      expect(verdict(chapters, [member(...items)])[0]).toBe(kind);
    });

    it('allows what was sent again after it', () => {
      const both = [master, promoted(...copied, append(6, 5), ...appends(7, 8, 6))];
      expect(verdict(both, [member(1, 2, 3, 4, 5, 6, 6, 7, 8)])).toEqual([]);
      expect(verdict(both, [member(1, 2, 3, 4, 6, 7, 8)])).toEqual([]);
      expect(verdict(both, [member(1, 2, 3, 4, 5, 6, 7, 8)])).toEqual([]);
      expect(verdict(both, [member(1, 2, 3, 4, 7, 8)])).toEqual(['gap']);
    });

    it('without a lag excuses nothing', () => {
      const level = [master, promoted(...master.recorded, ...appends(7, 9))];
      expect(verdict(level, [member(...range(1, 9))])).toEqual([]);
      expect(verdict(level, [member(...range(1, 6), 'x', 7, 8, 9)])).toEqual(['unjustified-lost']);
      expect(verdict(level, [member(1, 2, 3, 4, 7, 8, 9)])).toEqual(['gap']);
    });
  });

  it('excuses a loss that a new epoch explains, whoever began it', () => {
    const epoch = (name: string) => ({ kind: 'epoch', room: ROOM, epoch: name }) as const;
    const unnoticed = [fromEmpty(epoch('1')), fromEmpty(epoch('2'), ...appends(1, 3))];
    expect(verdict(unnoticed, [member('x', 2, 3)])).toEqual([]);
    const unexplained = [fromEmpty(epoch('1'), epoch('2'), ...appends(1, 3))];
    expect(verdict(unexplained, [member('x', 2, 3)])).toEqual(['hole-in-log']);
  });

  it('lets a promoted replica go on in an epoch that its master had left', () => {
    const old = { kind: 'epoch', room: ROOM, epoch: 'old' } as const;
    const copied = appends(1, 3).map((one) => ({ ...one, epoch: 'old' }));
    const left = fromEmpty(old, ...copied, metaDeleted, streamDeleted, ...appends(4, 5, 1));
    const back = promoted(old, ...copied, ...appends(6, 7, 4));
    expect(verdict([left, back], [member(1, 2, 3, 'x', 4, 5, 'x', 6, 7)])).toEqual([]);
    expect(verdict([left, back], [member(1, 2, 3, 6, 7)])).toEqual([]);
    // It is news to who was told so.
    expect(verdict([left, back], [member(1, 2, 3, 'x', 4, 5, 'x', 1, 2, 3, 6, 7)])).toEqual([]);
    expect(verdict([left, back], [member(1, 2, 3, 'x', 4, 5, 'x', 2, 3, 6, 7)])[0]).toBe('double');
    expect(verdict([left, back], [member(1, 2, 3, 'x', 4, 5, 1, 2, 3, 6, 7)])[0]).toBe('double');
  });

  it('lets a promoted replica begin an epoch where it had lost its meta before its master began another', () => {
    const inEpoch = (epoch: string, ...all: Append[]) => all.map((one) => ({ ...one, epoch }));
    const epoch = { kind: 'epoch', room: ROOM, epoch: 'old' } as const;
    const elsewhere = { ...append(20, 1), room: 'another', epoch: 'of another' };
    const before = [epoch, ...inEpoch('old', ...appends(1, 3))];
    const copied = [...before, metaDeleted, elsewhere];
    const master = fromEmpty(...copied, ...inEpoch('new', ...appends(4, 5, 1)));
    const replica = promoted(...copied, ...inEpoch('newer', ...appends(6, 7, 1)));
    expect(verdict([master, replica], [member(1, 2, 3, 'x', 6, 7)])).toEqual([]);
    const stream = before.filter(({ kind }) => kind === 'append');
    const synced = promoted(...stream, elsewhere, ...inEpoch('newer', ...appends(6, 7, 1)));
    expect(verdict([master, synced], [member(1, 2, 3, 'x', 6, 7)])).toEqual([]);
    const byItself = promoted(...before, elsewhere, ...inEpoch('newer', append(6, 1)));
    expect(verdict([master, byItself], [])).toEqual(['hole-in-log']);
  });

  it('knows where the numbering of a promoted replica stood that has none of the entries', () => {
    const epoch = (offset: number) =>
      ({ kind: 'epoch', room: ROOM, epoch: 'one', offset }) as const;
    const inOne = (...all: Append[]) => all.map((one) => ({ ...one, epoch: 'one' }));
    const elsewhere = { ...append(20, 1), room: 'another', epoch: 'of another' };
    const master = fromEmpty(...inOne(...appends(1, 5)), streamDeleted, epoch(5), elsewhere);
    const replica = (next: number) => promoted(epoch(3), elsewhere, ...inOne(append(6, next)));
    expect(verdict([master, replica(4)], [])).toEqual([]);
    expect(verdict([master, replica(5)], [])).toEqual(['hole-in-log']);
    const begun = promoted(...inOne(...appends(1, 2)), { ...epoch(0), epoch: 'two' }, elsewhere, {
      ...append(6, 1),
      epoch: 'two',
    });
    const former = fromEmpty(...begun.recorded.slice(0, -1), { ...append(5, 1), epoch: 'two' });
    const withCause = [former, begun].map((chapter) => ({
      ...chapter,
      recorded: chapter.recorded.toSpliced(2, 0, metaDeleted),
    }));
    expect(verdict(withCause, [])).toEqual([]);
  });

  describe('of the log itself', () => {
    const acknowledged = (uid: number, offset: number, at = uid): Acknowledgement => ({
      uid: String(uid),
      writer: 'w',
      room: ROOM,
      offset,
      at,
    });

    it.each<[string, Chapter[], Acknowledgement[], string[]]>([
      ['a hole', [fromEmpty(append(1, 1), append(2, 3))], [], ['hole-in-log']],
      [
        'a numbering that begins anew by itself',
        [fromEmpty(append(1, 1), append(2, 1))],
        [],
        ['hole-in-log'],
      ],
      ['a message twice', [fromEmpty(append(1, 1), append(1, 2))], [], ['appended-twice']],
      [
        'a message again after all was lost',
        [fromEmpty(append(1, 1)), fromEmpty(append(1, 1))],
        [],
        [],
      ],
      [
        'an acknowledged one that is nowhere',
        ten,
        [acknowledged(11, 11)],
        ['acknowledged-vanished'],
      ],
      ['an acknowledged one elsewhere', ten, [acknowledged(5, 6)], ['acknowledged-vanished']],
      ['an acknowledged one where it was said to be', ten, [acknowledged(5, 5, 20)], []],
      [
        'emits of one writer in another order',
        [fromEmpty(append(2, 1), append(1, 2))],
        [],
        ['log-disorder'],
      ],
      [
        'one before another that was acknowledged before it was sent',
        [fromEmpty(append(1, 1, 9), append(2, 2, 3))],
        [acknowledged(2, 2, 5)],
        ['log-disorder'],
      ],
    ])('with %s', (_, chapters, acknowledgements, kinds) => {
      expect(verdict(chapters, [], { acknowledgements })).toEqual(kinds);
    });
  });

  it('finds emits that are nowhere, and were not counted', () => {
    const emitted = ['9', '10', '11'];
    expect(verdict(ten, [], { emitted })).toEqual(['emit-vanished']);
    expect(verdict(ten, [], { emitted, unsent: 1 })).toEqual([]);
  });

  describe('of any history', () => {
    /** Some entries, then perhaps a promotion or an emptied Redis, and so on. */
    const histories = fc
      .array(
        fc.record({
          begins: fc.constantFrom(fromEmpty, promoted),
          kept: fc.nat({ max: 20 }),
          fresh: fc.integer({ min: 1, max: 10 }),
        }),
        { minLength: 1, maxLength: 5 },
      )
      .map((parts) => {
        const chapters: Chapter[] = [];
        let uid = 0;
        for (const { begins, kept, fresh } of parts) {
          const copied =
            begins === promoted ? (chapters.at(-1)?.recorded ?? []).slice(0, kept) : [];
          const from = copied.length + 1;
          const own = Array.from({ length: fresh }, (_, i) => append(++uid, from + i));
          chapters.push((chapters.length === 0 ? fromEmpty : begins)(...copied, ...own));
        }
        return { chapters, last: uid };
      });

    it('is good where a member got all that ever was', () => {
      fc.assert(
        fc.property(histories, ({ chapters, last }) => {
          expect(verdict(chapters, [member(...range(1, last))])).toEqual([]);
        }),
      );
    });

    it('is bad where one that was still there is missing, comes twice or changes place', () => {
      fc.assert(
        fc.property(
          histories,
          fc.nat(),
          fc.constantFrom('drop', 'double', 'swap'),
          ({ chapters, last }, at, how) => {
            // What the last life of the data holds can be had by everyone.
            const held = chapters
              .at(-1)!
              .recorded.flatMap((one) => (one.kind === 'append' ? [Number(one.message.uid)] : []));
            const victim = held[at % held.length]!;
            const all = range(1, last);
            const index = all.indexOf(victim);
            if (how === 'drop') all.splice(index, 1);
            else if (how === 'double') all.splice(index, 0, victim);
            else if (index === 0) return;
            else all.splice(index - 1, 2, victim, all[index - 1]!);
            expect(verdict(chapters, [member(...all)])).not.toEqual([]);
          },
        ),
      );
    });

    it('is bad where a loss is said in the midst of one life of the data', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(), (count, at) => {
          const items: (number | string)[] = range(1, count);
          items.splice(at % (count + 1), 0, 'why');
          const chapters = [fromEmpty(...appends(1, count))];
          expect(verdict(chapters, [member(...items)])).toEqual(['unjustified-lost']);
        }),
      );
    });
  });
});
