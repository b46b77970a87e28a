import type {
  Cursor,
  CursorCounters,
  CursorLimits,
  CursorOutcome,
  CursorState,
  PendingRead,
} from '../../../lib/cluster/history/consuming/cursor.js';
import type { PublishedEntry } from '../../../lib/transport/logs.js';
import { DeliveryChecker } from './delivery-checker.js';
import { ModelLog, readOf, type Snapshot, topOf } from './model-log.js';

const LIMITS: CursorLimits = {
  remembered: 5,
  read: 8,
  heldEntries: 6,
  heldBytes: 1_000,
  heldBytesOfAll: 10_000,
};

/** Something that happens to the log, on the way, or to the commands. */
export type Step =
  | { do: 'append'; times: number }
  | { do: 'trim'; keep: number }
  /** Whoever takes over gets so many entries before it is heard. */
  | { do: 'failOver'; missing: number; unheard: number }
  | { do: 'begin' | 'lapse' }
  | { do: 'hear' | 'hearTwice' | 'drop'; nth: number }
  | { do: 'hearAll' }
  | { do: 'suspend' | 'subscribe' }
  | { do: 'askTop' | 'hearTop' }
  /**
   * What the cursor wants is read, at a place that lags by so many changes and answers with so many
   * entries at most.
   */
  | { do: 'read'; lag: number; most: number }
  | { do: 'answer' | 'fail' };

/** What makes a cursor: the one that is tested, or one with a rule missing. */
export type CursorMaker = new (counters: CursorCounters, limits: CursorLimits) => Cursor;

/** One cursor, its log, and the ways between them, which lose, repeat, reorder and delay. */
export class CursorPlay {
  readonly counters: CursorCounters = { repeated: 0, gaps: 0, repaired: 0 };
  readonly #log = new ModelLog();
  readonly #cursor: Cursor;
  readonly #checker = new DeliveryChecker(LIMITS.remembered);
  #subscribed = false;
  /** On their way on the channel. */
  #wire: PublishedEntry[] = [];
  #top: Snapshot | undefined;
  /** What reads found that are not answered yet, for wishes that may be past. */
  #found: { pendingRead: PendingRead; snapshot: Snapshot; most: number }[] = [];
  #reads = 0;

  constructor(CursorClass: CursorMaker) {
    this.#cursor = new CursorClass(this.counters, LIMITS);
  }

  get state(): CursorState {
    return this.#cursor.state;
  }

  get reads(): number {
    return this.#reads;
  }

  play(steps: readonly Step[]): void {
    for (const step of steps) this.#do(step);
  }

  /** All that is on its way arrives, and what the cursor wants is read, until it wants no more. */
  comeToRest(): void {
    this.#do({ do: 'hearAll' });
    while (this.#found.length > 0) this.#do({ do: 'answer' });
    const most = this.#reads + this.#log.now.branch.length + 5;
    while (this.#cursor.pendingRead) {
      if (this.#reads > most) throw new Error('the cursor does not come to rest');
      this.play([{ do: 'read', lag: 0, most: LIMITS.read }, { do: 'answer' }]);
    }
  }

  /** The subscription is made anew if it is gone, and the top is looked at. */
  look(): void {
    this.play([{ do: 'subscribe' }, { do: 'askTop' }, { do: 'hearTop' }]);
  }

  /** @throws if the cursor is not live and at the top */
  mustStandAtTop(): void {
    const { state, position } = this.#cursor;
    const top = topOf(this.#log.now);
    if (state !== 'live') throw new Error(`the cursor is ${state} when all is quiet`);
    if (JSON.stringify(position) !== JSON.stringify(top))
      throw new Error(`the cursor is at ${JSON.stringify(position)}, not ${JSON.stringify(top)}`);
  }

  #do(step: Step): void {
    switch (step.do) {
      case 'append':
        return this.#append(step.times);
      case 'trim':
        return this.#log.trim(step.keep);
      case 'failOver':
        this.#log.failOver(step.missing);
        for (let i = 0; i < step.unheard; i++) this.#log.append();
        return;
      case 'begin':
        return this.#log.begin();
      case 'lapse':
        return this.#log.lapse();
      case 'hear':
        return this.#hear(this.#wire.splice(step.nth, 1));
      case 'hearTwice':
        return this.#hear(this.#wire.slice(step.nth, step.nth + 1));
      case 'hearAll':
        return this.#hear(this.#wire.splice(0));
      case 'drop':
        return void this.#wire.splice(step.nth, 1);
      case 'suspend':
        return this.#suspend();
      case 'subscribe':
        this.#subscribed = true;
        return;
      case 'askTop':
        if (this.#subscribed) this.#top = this.#log.now;
        return;
      case 'hearTop':
        return this.#hearTop();
      case 'read':
        return this.#read(step.lag, step.most);
      case 'answer':
        return this.#answer();
      case 'fail':
        return void this.#found.shift();
    }
  }

  #append(times: number): void {
    for (let i = 0; i < times; i++) {
      const entry = this.#log.append();
      if (this.#subscribed) this.#wire.push(entry);
    }
  }

  #hear(entries: readonly PublishedEntry[]): void {
    for (const entry of entries) this.#check(this.#cursor.arrive(entry));
  }

  #suspend(): void {
    this.#subscribed = false;
    this.#top = undefined;
    this.#cursor.suspend();
  }

  #hearTop(): void {
    const snapshot = this.#top;
    if (!snapshot) return;
    this.#top = undefined;
    const top = topOf(snapshot);
    if (!this.#cursor.position) this.#checker.begin(top);
    this.#check(this.#cursor.placed(top), snapshot);
  }

  #read(lag: number, most: number): void {
    const { pendingRead } = this.#cursor;
    if (!pendingRead) return;
    this.#reads++;
    this.#found.push({ pendingRead, snapshot: this.#log.before(lag), most });
  }

  #answer(): void {
    const found = this.#found.shift();
    if (!found) return;
    const { pendingRead, snapshot, most } = found;
    const read = readOf(snapshot, { ...pendingRead, limit: Math.min(pendingRead.limit, most) });
    this.#check(this.#cursor.repaired(pendingRead, read), snapshot);
  }

  #check(outcome: CursorOutcome, answer?: Snapshot): void {
    this.#checker.check(outcome, answer);
    if (outcome.read && outcome.read !== this.#cursor.pendingRead)
      throw new Error('a read is asked for that is not wanted');
  }
}
