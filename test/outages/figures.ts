import { type Arrival, otherSide, type Recording, type Side, SIDES } from './recording.js';

/**
 * A message that takes longer is late; by the outage, if it was sent no later than so long after
 * the return.
 */
const LATE_MS = 250;

export interface Figures {
  readonly sent: number;
  /** Of what was sent, for the client of the other instance. */
  readonly lost: number;
  /** Of what was sent, for the client of the sender's own instance. */
  readonly lostAtHome: number;
  /** Copies beyond the first, at both clients. */
  readonly doubled: number;
  /** Messages that came, for the first time, after a later one of the same sender. */
  readonly disordered: number;
  /** For how long the client of a sender's own instance heard nothing of that sender, at most. */
  readonly silenceMs: number;
  /**
   * How long after the return the last message of the other instance came that was late by the
   * outage. Undefined if none was late.
   */
  readonly lateMs: number | undefined;
}

export function figuresOf(recording: Recording): Figures {
  const ways = SIDES.flatMap((from) => SIDES.map((to) => wayOf(recording, from, to)));
  const far = ways.filter(({ from, to }) => from !== to);
  const near = ways.filter(({ from, to }) => from === to);
  const late = far.map(({ lateMs }) => lateMs).filter((ms) => ms !== undefined);
  return {
    sent: sum(far.map(({ sent }) => sent)),
    lost: sum(far.map(({ lost }) => lost)),
    lostAtHome: sum(near.map(({ lost }) => lost)),
    doubled: sum(ways.map(({ doubled }) => doubled)),
    disordered: sum(ways.map(({ disordered }) => disordered)),
    silenceMs: Math.max(...near.map(({ from }) => silenceOf(recording, from))),
    lateMs: late.length > 0 ? Math.max(...late) : undefined,
  };
}

interface Way {
  readonly from: Side;
  readonly to: Side;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly lateMs: number | undefined;
}

function wayOf({ sent, heard, backAt }: Recording, from: Side, to: Side): Way {
  const times = sent[from];
  const seen = new Set<number>();
  let latest = 0;
  let doubled = 0;
  let disordered = 0;
  let lateMs: number | undefined;
  for (const { n, at } of arrivalsOf(heard[to], from)) {
    if (seen.has(n)) {
      doubled++;
      continue;
    }
    seen.add(n);
    if (n < latest) disordered++;
    latest = Math.max(latest, n);
    const sentAt = times[n - 1]!;
    if (at - sentAt > LATE_MS && sentAt - backAt < LATE_MS)
      lateMs = Math.max(lateMs ?? 0, at - backAt);
  }
  return {
    from,
    to,
    sent: times.length,
    lost: times.length - seen.size,
    doubled,
    disordered,
    lateMs,
  };
}

/** From the first message sent to the last. */
function silenceOf({ sent, heard }: Recording, side: Side): number {
  const times = sent[side];
  const marks = [times[0]!, ...arrivalsOf(heard[side], side).map(({ at }) => at), times.at(-1)!];
  marks.sort((one, other) => one - other);
  let longest = 0;
  for (let i = 1; i < marks.length; i++) longest = Math.max(longest, marks[i]! - marks[i - 1]!);
  return longest;
}

function arrivalsOf(heard: readonly Arrival[], from: Side): readonly Arrival[] {
  return heard.filter((arrival) => arrival.from === from);
}

/** Whether the client of each instance has all that both sent. */
export function isWhole({ sent, heard }: Pick<Recording, 'sent' | 'heard'>): boolean {
  return SIDES.every((to) =>
    [to, otherSide(to)].every(
      (from) => new Set(arrivalsOf(heard[to], from).map(({ n }) => n)).size === sent[from].length,
    ),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
