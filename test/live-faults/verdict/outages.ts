import type { Span } from './records.js';

/** Faults that follow each other sooner than this count as one: nobody is back in between. */
const SETTLE_MS = 2_000;
/** What was sent so long before a fault may be under way when it begins: behind a burst, say. */
const BEFORE_MS = 2_000;
/** So long after it, some are not back yet. */
const AFTER_MS = 2_000;

/** Faults that concern a pair of instances, and follow each other. */
export interface Outage {
  readonly from: number;
  readonly to: number;
  /** It lasted longer than is promised that nothing is lost. */
  readonly outlasted: boolean;
}

/** When a pair of instances was disturbed. */
export class Outages {
  readonly #spans: readonly Span[];
  readonly #windowMs: number;
  readonly #ofPairs = new Map<string, readonly Outage[]>();

  constructor(spans: readonly Span[], windowMs: number) {
    this.#spans = spans.toSorted((a, b) => a.from - b.from);
    this.#windowMs = windowMs;
  }

  /** Those that may have kept a message of that time from its way, or soon after it. */
  around(sender: number, receiver: number, sentAt: number): readonly Outage[] {
    return this.#ofPair(sender, receiver).filter(
      ({ from, to }) => from - BEFORE_MS <= sentAt && sentAt <= to + AFTER_MS,
    );
  }

  outlasted(sender: number, receiver: number, sentAt: number): boolean {
    return this.around(sender, receiver, sentAt).some((outage) => outage.outlasted);
  }

  /** Whether any fault of the receiver's side, or of Redis, was on in that time. */
  touches(receiver: number, from: number, to: number): boolean {
    return this.#spans.some(
      (span) => !span.isLag && concerns(span, receiver) && span.from <= to && from <= span.to,
    );
  }

  /** For how long of that time what is under way from one to the other may have stood still. */
  silentMs(sender: number, receiver: number, from: number, to: number): number {
    return this.#coveredMs(from, to, (span) => span.silent && concernsPair(span, sender, receiver));
  }

  /** For how long of that time the process there may not have got on. */
  lagMs(place: number, from: number, to: number): number {
    return this.#coveredMs(from, to, (span) => span.isLag === true && concerns(span, place));
  }

  #coveredMs(from: number, to: number, counts: (span: Span) => boolean): number {
    let sum = 0;
    let upTo = from;
    for (const span of this.#spans) {
      if (span.to <= upTo || span.from >= to || !counts(span)) continue;
      const begin = Math.max(span.from, upTo);
      const end = Math.min(span.to, to);
      if (end <= begin) continue;
      sum += end - begin;
      upTo = end;
    }
    return sum;
  }

  #ofPair(sender: number, receiver: number): readonly Outage[] {
    const key = `${sender} ${receiver}`;
    let outages = this.#ofPairs.get(key);
    if (!outages) this.#ofPairs.set(key, (outages = this.#merged(sender, receiver)));
    return outages;
  }

  #merged(sender: number, receiver: number): Outage[] {
    const outages: { from: number; to: number; faults: number; lapses: boolean }[] = [];
    for (const span of this.#spans) {
      if (span.isLag || !concernsPair(span, sender, receiver)) continue;
      const lapses = span.lapses === true && concerns(span, sender);
      const last = outages.at(-1);
      if (last && span.from <= last.to + SETTLE_MS) {
        last.to = Math.max(last.to, span.to);
        last.faults++;
        last.lapses ||= lapses;
      } else outages.push({ from: span.from, to: span.to, faults: 1, lapses });
    }
    return outages.map(({ from, to, faults, lapses }) => ({
      from,
      to,
      // A sender that stood still past its lease has dropped what it had kept for the others.
      outlasted: to - from > this.#windowMs || (lapses && faults > 1),
    }));
  }
}

function concerns({ places }: Span, place: number): boolean {
  return places === 'all' || places.includes(place);
}

function concernsPair(span: Span, sender: number, receiver: number): boolean {
  return concerns(span, sender) || concerns(span, receiver);
}
