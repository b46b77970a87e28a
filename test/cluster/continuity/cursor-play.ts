import fc from 'fast-check';

import type {
  Cursor,
  CursorCounters,
  CursorLimits,
  CursorOutcome,
  WantedRead,
} from '../../../lib/cluster/continuity/cursor.js';
import type { PublishedEntry } from '../../../lib/transport/logs.js';
import { DeliveryChecker } from './delivery-checker.js';
import { ModelLog, readOf, type Snapshot, topOf } from './model-log.js';

export const LIMITS: CursorLimits = { remembered: 5, read: 8, heldEntries: 6, heldBytes: 1_000 };

export type Step =
  | { do: 'append'; times: number }
  | { do: 'trim'; keep: number }
  | { do: 'failOver'; missing: number }
  | { do: 'begin' }
  | { do: 'hear' | 'hearTwice' | 'drop'; nth: number }
  | { do: 'hearAll' }
  | { do: 'suspend' | 'subscribe' }
  | { do: 'askTop' | 'hearTop' }
  /** The read takes place, at a place that lags by so many changes. */
  | { do: 'read'; ago: number }
  | { do: 'answer' | 'fail' };

const nth = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) });

const anyStep = (lag: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('append'), times: fc.integer({ min: 1, max: 5 }) }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constantFrom('hear', 'hear', 'hear', 'hearTwice', 'drop'),
        nth,
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('hearAll') }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('suspend', 'subscribe', 'subscribe') }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('askTop', 'hearTop') }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('read'), ago: fc.nat(lag) }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constantFrom('answer', 'answer', 'answer', 'fail') }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('trim'), keep: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('failOver'), missing: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('begin') }) },
  ) as fc.Arbitrary<Step>;

/** @param lag by how many changes a place may lag that answers: 0 where only the master does */
export const anySteps = (lag: number): fc.Arbitrary<Step[]> =>
  fc.array(anyStep(lag), { maxLength: 120, size: 'max' });

/** What makes a cursor: the one that is tested, or one with a rule missing. */
export type CursorMaker = new (counters: CursorCounters, limits: CursorLimits) => Cursor;

/** One cursor, its log, and the ways between them, which lose, repeat, reorder and delay. */
export class CursorPlay {
  readonly log = new ModelLog();
  readonly counters: CursorCounters = { repeated: 0, gaps: 0, repaired: 0 };
  readonly cursor: Cursor;
  readonly checker = new DeliveryChecker(LIMITS.remembered);
  reads = 0;
  delivered = 0;
  #subscribed = false;
  /** On their way on the channel. */
  #wire: PublishedEntry[] = [];
  #top: Snapshot | undefined;
  #wanted: WantedRead | undefined;
  /** What reads found that are not answered yet, for wishes that may be past. */
  #found: { wanted: WantedRead; snapshot: Snapshot }[] = [];

  constructor(CursorClass: CursorMaker) {
    this.cursor = new CursorClass(this.counters, LIMITS);
  }

  /** Plays the steps; then the network falls silent, the cursor comes to rest, and one more look is taken at the top. */
  play(steps: readonly Step[]): void {
    for (const step of steps) this.#do(step);
    for (const wish of this.#found) this.#answer(wish);
    this.#look();
    this.#look();
    const { state, position } = this.cursor;
    const top = topOf(this.log.now);
    if (state !== 'live') throw new Error(`the cursor is ${state} when all is quiet`);
    if (
      position!.epoch !== top.epoch ||
      position!.offset !== top.offset ||
      position!.tag !== top.tag
    )
      throw new Error(`the cursor is at ${JSON.stringify(position)}, not ${JSON.stringify(top)}`);
  }

  #look(): void {
    this.#do({ do: 'subscribe' });
    this.#do({ do: 'askTop' });
    this.#do({ do: 'hearTop' });
    const most = this.log.now.branch.length / 2 + 5;
    for (let reads = 0; this.#wanted; reads++) {
      if (reads > most) throw new Error(`the cursor still wants to read after ${reads} reads`);
      this.#do({ do: 'read', ago: 0 });
      this.#found.splice(0, this.#found.length - 1);
      this.#do({ do: 'answer' });
    }
  }

  #do(step: Step): void {
    switch (step.do) {
      case 'append':
        for (let i = 0; i < step.times; i++) {
          const entry = this.log.append();
          if (this.#subscribed) this.#wire.push(entry);
        }
        return;
      case 'trim':
        return this.log.trim(step.keep);
      case 'failOver':
        return this.log.failOver(step.missing);
      case 'begin':
        return this.log.begin();
      case 'hear':
        return this.#hear(this.#wire.splice(step.nth, 1));
      case 'hearTwice':
        return this.#hear(this.#wire.slice(step.nth, step.nth + 1));
      case 'hearAll':
        return this.#hear(this.#wire.splice(0));
      case 'drop':
        return void this.#wire.splice(step.nth, 1);
      case 'suspend':
        this.#subscribed = false;
        this.#top = undefined;
        this.#wanted = undefined;
        return this.cursor.suspend();
      case 'subscribe':
        this.#subscribed = true;
        return;
      case 'askTop':
        if (this.#subscribed) this.#top = this.log.now;
        return;
      case 'hearTop':
        return this.#hearTop();
      case 'read':
        return this.#read(step.ago);
      case 'answer':
        if (this.#found[0]) this.#answer(this.#found.shift()!);
        return;
      case 'fail':
        return void this.#found.shift();
    }
  }

  #hear(entries: readonly PublishedEntry[]): void {
    for (const entry of entries) this.#note(this.cursor.arrive(entry));
  }

  #hearTop(): void {
    const snapshot = this.#top;
    if (!snapshot) return;
    this.#top = undefined;
    const isFirst = !this.cursor.position;
    if (isFirst) this.checker.begin(topOf(snapshot));
    this.#note(this.cursor.placed(topOf(snapshot)), snapshot);
  }

  #read(ago: number): void {
    if (!this.#wanted) return;
    this.reads++;
    this.#found.push({ wanted: this.#wanted, snapshot: this.log.before(ago) });
  }

  #answer({ wanted, snapshot }: { wanted: WantedRead; snapshot: Snapshot }): void {
    this.#note(this.cursor.repaired(wanted, readOf(snapshot, wanted)), snapshot);
  }

  #note(outcome: CursorOutcome, answer?: Snapshot): void {
    this.checker.check(outcome, answer);
    this.delivered += outcome.deliver.length;
    this.#wanted = this.cursor.wanted;
    if (outcome.read && outcome.read !== this.#wanted) throw new Error('the read is not wanted');
  }
}
