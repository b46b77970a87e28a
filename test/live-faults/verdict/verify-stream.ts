import type { LiveTarget } from '../plan/targets.js';
import { Duty } from './duty.js';
import type { LiveViolation, LiveViolationKind } from './live-violation.js';
import type { Outages } from './outages.js';
import type { Got, Life, Sent, Visit } from './records.js';

/** Enough to see what went wrong; the rest mostly follows from it. */
const MAX_VIOLATIONS = 3;
/** What a process had sent so shortly before it was killed, may have got no further. */
const KILLED_WITH_MS = 500;
/** A `publish` that was rejected is not sent again; what has left by then, arrives by then. */
const REJECTED_ARRIVES_MS = 500;
/** Members on the sender's own instance wait for nobody. */
const LOCAL_MS = 1_000;
/** A fault so long ago may still make the receiver hold back what has come. */
const HELD_MS = 10_000;

export interface StreamFacts {
  readonly target: LiveTarget;
  readonly sender: Life;
  readonly receiver: Life;
  readonly outages: Outages;
}

/** A message that a visitor did not get, and need not have got. */
export interface Missed {
  readonly sent: Sent;
  /** Later ones came: the receiver must know. */
  readonly isInside: boolean;
}

export interface StreamVerdict {
  readonly violations: readonly LiveViolation[];
  readonly missed: readonly Missed[];
}

/**
 * Compares what one instance sent to one target with what one connection got of that: all that was
 * sent while it was a member, once, in order, and nothing else; but for what the faults explain.
 * @param sent in the order of the numbers
 * @param got in the order of the arrival
 */
export function verifyStream(
  visit: Visit,
  sent: readonly Sent[],
  got: readonly Got[],
  facts: StreamFacts,
): StreamVerdict {
  const walk = new Walk(visit, facts);
  const known = new Map(sent.map((one) => [one.sequence, one]));
  for (const one of got) walk.receive(one, known.get(one.sequence));
  walk.end(sent);
  return { violations: walk.violations, missed: walk.missed };
}

class Walk {
  readonly violations: LiveViolation[] = [];
  readonly missed: Missed[] = [];
  readonly #visit: Visit;
  readonly #facts: StreamFacts;
  readonly #duty: Duty;
  /** When each came. */
  readonly #got = new Map<number, number>();
  /** The one with the highest number that came. */
  #highest = { sequence: 0, volatile: false };

  constructor(visit: Visit, facts: StreamFacts) {
    this.#visit = visit;
    this.#facts = facts;
    this.#duty = new Duty(visit, facts.target);
  }

  receive(got: Got, sent: Sent | undefined): void {
    const { sequence, at } = got;
    if (this.#got.has(sequence))
      this.#report('double', got, sent?.volatile ? 'came again, a volatile one' : 'came again');
    else if (sequence < this.#highest.sequence) this.#report('reorder', got, this.#afterHighest());
    else this.#highest = { sequence, volatile: sent?.volatile ?? false };
    if (!this.#got.has(sequence)) this.#got.set(sequence, at);
    // Of a process that was killed before it could tell.
    this.#refuse(got, sent ?? { ...got, volatile: false, publishing: 'unknown' });
  }

  end(sent: readonly Sent[]): void {
    if (this.#duty.isNone) return;
    // The first arrival of what was sent later.
    let next = Infinity;
    const lost: Sent[] = [];
    for (const one of sent.toReversed()) {
      const at = this.#got.get(one.sequence);
      if (at !== undefined) next = Math.min(next, at);
      else if (this.#isOwed(one, next)) {
        if (this.#isExplained(one)) this.missed.push({ sent: one, isInside: next < Infinity });
        else lost.push(one);
      }
    }
    if (lost.length === 0) return;
    const first = lost.at(-1)!;
    const { boundFrom = first.sentAt } = this.#visit;
    const after = `${first.sentAt - boundFrom} ms after it was let in`;
    const most = lost.length > 1 ? `, and ${lost.length - 1} more up to ${lost[0]!.sequence}` : '';
    this.#report('lost', first, `of ${clock(first.sentAt)} (${after}) never came${most}`);
  }

  #afterHighest(): string {
    const { sequence, volatile } = this.#highest;
    return `came after ${sequence}${volatile ? ', a volatile one' : ''}`;
  }

  #isOwed(sent: Sent, until: number): boolean {
    if (sent.volatile) return false;
    const { publishing } = sent;
    if (publishing === 'unknown' || (publishing && publishing.outcome !== 'taken')) return false;
    const { sentAt } = sent;
    return this.#duty.owes(sent, until, this.#silentMs(sentAt, sentAt + HELD_MS));
  }

  /**
   * A fault that lasted too long, or the end of the sender, before it could make good what a fault
   * had done.
   */
  #isExplained({ sentAt }: Sent): boolean {
    const { sender, receiver, outages } = this.#facts;
    if (sender.name === receiver.name) return false;
    const around = outages.around(sender.place, receiver.place, sentAt);
    if (around.some(({ outlasted }) => outlasted)) return true;
    const { endedAt = Infinity, orderly } = sender;
    if (!orderly && sentAt >= endedAt - KILLED_WITH_MS) return true;
    return outages
      .around(sender.place, receiver.place, endedAt)
      .some(({ from }) => around.some((one) => one.from === from));
  }

  #refuse(got: Got, sent: Sent): void {
    this.#refuseLate(got);
    const delayMs = this.#silentMs(sent.sentAt, got.at);
    const why = this.#duty.forbids(sent, got.at, delayMs);
    if (why) {
      const times = `sent at ${clock(sent.sentAt)}, came at ${clock(got.at)}`;
      this.#report(why, got, `${times}, ${delayMs} ms of that in silence`);
    }
    const { publishing } = sent;
    if (publishing === undefined || publishing === 'unknown') return;
    const { sender, receiver } = this.#facts;
    if (sender.name === receiver.name || publishing.outcome === 'taken') return;
    if (publishing.outcome === 'never')
      return this.#report('rejected-yet-arrived', got, 'was not to be sent');
    const lateMs = got.at - publishing.at - delayMs;
    const { outages } = this.#facts;
    if (
      lateMs > REJECTED_ARRIVES_MS &&
      !outages.touches(receiver.place, sent.sentAt - HELD_MS, got.at)
    )
      this.#report('rejected-yet-arrived', got, `${lateMs} ms after it was rejected`);
  }

  #refuseLate(got: Got): void {
    const { sender, receiver, outages } = this.#facts;
    const lateMs = got.at - got.sentAt;
    if (sender.name !== receiver.name || lateMs <= LOCAL_MS) return;
    const lagMs = outages.lagMs(sender.place, got.sentAt, got.at);
    if (lateMs - lagMs > LOCAL_MS) this.#report('late', got, `took ${lateMs} ms`);
  }

  #silentMs(from: number, to: number): number {
    const { sender, receiver, outages } = this.#facts;
    return Math.ceil(outages.silentMs(sender.place, receiver.place, from, to));
  }

  #report(
    kind: LiveViolationKind,
    { sender, target, sequence }: Pick<Sent, 'sender' | 'target' | 'sequence'>,
    detail: string,
  ): void {
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const { reader, instance } = this.#visit;
    const who = `${reader} on ${instance}`;
    this.violations.push({ kind, target, who, detail: `${sender} ${sequence} ${detail}` });
  }
}

/** Minutes, seconds and ms of the hour. */
export function clock(at: number): string {
  return new Date(at).toISOString().slice(14, 23);
}
