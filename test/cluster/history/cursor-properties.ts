import fc from 'fast-check';

import { type CursorMaker, CursorPlay, type Step } from './cursor-play.js';

export interface CursorProperty {
  readonly name: string;
  readonly before?: readonly Step[];
  readonly steps: fc.Arbitrary<Step[]>;
  /**
   * Throws where the property does not hold after the steps. Some things are wrong whenever they
   * are seen.
   */
  readonly check: (play: CursorPlay) => void;
}

export function propertyOf(
  { before = [], steps, check }: CursorProperty,
  CursorClass: CursorMaker,
): fc.IProperty<[Step[]]> {
  return fc.property(steps, (sequence) => {
    const play = new CursorPlay(CursorClass);
    play.play(before);
    play.play(sequence);
    check(play);
  });
}

/** More often the next one than one that overtakes. */
const nth = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) });

const append = fc.record({ do: fc.constant('append'), times: fc.integer({ min: 1, max: 5 }) });
const answer = fc.record({ do: fc.constant('answer') });
/** Where entries are large, a read answers with fewer than were asked for. */
const most = fc.integer({ min: 1, max: 10 });
const readAt = (lag: number) => fc.record({ do: fc.constant('read'), lag: fc.nat(lag), most });
const hearInOrder = fc.record({ do: fc.constantFrom('hear', 'hearTwice'), nth: fc.constant(0) });
const hearAll = fc.record({ do: fc.constant('hearAll') });
const tops = fc.record({ do: fc.constantFrom('askTop', 'hearTop') });
const subscriptions = fc.record({ do: fc.constantFrom('suspend', 'subscribe', 'subscribe') });

const troubles = [
  fc.record({ do: fc.constantFrom('drop', 'hear', 'hearTwice'), nth }),
  fc.record({ do: fc.constant('fail') }),
  fc.record({ do: fc.constant('trim'), keep: fc.nat(6) }),
  fc.record({
    do: fc.constant('failOver'),
    missing: fc.oneof(fc.nat(2), fc.nat(9)),
    unheard: fc.oneof(fc.constant(0), fc.nat(2)),
  }),
  fc.record({ do: fc.constantFrom('begin', 'lapse') }),
];

/** @param lag by how many changes a place may lag that answers: 0 where only the master does */
const anySteps = (lag: number): fc.Arbitrary<Step[]> =>
  sequence(
    { weight: 6, arbitrary: append },
    { weight: 6, arbitrary: hearInOrder },
    { weight: 4, arbitrary: hearAll },
    { weight: 2, arbitrary: subscriptions },
    { weight: 4, arbitrary: tops },
    { weight: 6, arbitrary: readAt(lag) },
    { weight: 6, arbitrary: answer },
    { weight: 9, arbitrary: fc.oneof(...troubles) },
  );

function sequence(...steps: fc.WeightedArbitrary<object>[]): fc.Arbitrary<Step[]> {
  const step = fc.oneof(...steps) as fc.Arbitrary<Step>;
  return fc.array(step, { maxLength: 100, size: 'max' });
}

/** The network falls silent, and one more look is taken at the top. */
function endByLook(play: CursorPlay): void {
  settle(play);
  play.look();
  play.comeToRest();
  play.mustStandAtTop();
}

/**
 * The network falls silent, and one more entry arrives. Where it leads to a read, that may take
 * place before the entry.
 */
function endByEntry(play: CursorPlay, lag: number): void {
  settle(play);
  play.play([{ do: 'append', times: 1 }, { do: 'hearAll' }, { do: 'read', lag, most: 1 }]);
  play.comeToRest();
  play.mustStandAtTop();
}

function settle(play: CursorPlay): void {
  if (play.state === 'subscribing') play.look();
  play.comeToRest();
}

export const CURSOR_PROPERTIES: readonly CursorProperty[] = [
  {
    name: 'delivers each entry once, after the one before it, or says what is lost, and a look brings it to the top',
    steps: anySteps(0),
    check: (play) => endByLook(play),
  },
  {
    name: 'is brought to the top by the next entry that arrives',
    steps: anySteps(0),
    check: (play) => endByEntry(play, 0),
  },
  {
    name: 'does so where answers come from places that lag',
    steps: anySteps(6),
    check: (play) => endByEntry(play, 2),
  },
  {
    name: 'needs no look while it is subscribed and the channel loses nothing',
    before: [{ do: 'subscribe' }, { do: 'askTop' }, { do: 'hearTop' }],
    steps: sequence(
      { weight: 6, arbitrary: append },
      { weight: 6, arbitrary: hearInOrder },
      { weight: 2, arbitrary: subscriptions },
      { weight: 4, arbitrary: tops },
      { weight: 3, arbitrary: readAt(0) },
      { weight: 3, arbitrary: answer },
    ),
    check(play) {
      settle(play);
      play.mustStandAtTop();
    },
  },
  {
    name: 'reads nothing where all arrives in order, be it twice',
    before: [{ do: 'subscribe' }, { do: 'askTop' }, { do: 'hearTop' }],
    steps: sequence({ weight: 1, arbitrary: append }, { weight: 3, arbitrary: hearInOrder }),
    check(play) {
      play.play([{ do: 'hearAll' }]);
      play.mustStandAtTop();
      const { gaps, repaired } = play.counters;
      if (play.reads + gaps + repaired > 0) throw new Error('there was nothing to repair');
    },
  },
];
