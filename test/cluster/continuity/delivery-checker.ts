import type { CursorOutcome, Loss } from '../../../lib/cluster/continuity/cursor.js';
import type { LogEntry, LogTop } from '../../../lib/transport/logs.js';
import { type Snapshot, shows, tagAt, topOf } from './model-log.js';

type Mark = Pick<LogEntry, 'offset' | 'tag'>;

/**
 * Watches what a cursor delivers and says, and throws at the first thing that it must not do. It knows nothing of how the
 * cursor works: an entry's tag names it, and the tag before it names the one that must have been delivered before.
 */
export class DeliveryChecker {
  readonly #remembered: number;
  readonly #delivered = new Set<string>();
  /** From the last beginning on, the branch that was delivered: where a fork was followed, only the newer one. */
  #chain: Mark[] = [];

  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  get last(): Mark | undefined {
    return this.#chain.at(-1);
  }

  /** The first top. */
  begin(top: LogTop): void {
    this.#chain = [top];
  }

  /** @param answer what the log was when it gave the answer that led to this outcome; undefined: none did */
  check({ lost, deliver }: CursorOutcome, answer?: Snapshot): void {
    if (lost) this.#checkLoss(lost, answer);
    for (const entry of deliver) this.#checkEntry(entry);
  }

  #checkEntry(entry: LogEntry): void {
    if (this.#delivered.has(entry.tag)) throw new Error(`${name(entry)} was delivered twice`);
    const before = this.#chain.findLastIndex(({ tag }) => tag === entry.previousTag);
    if (before < 0) throw new Error(`${name(entry)} was delivered without the one before it`);
    if (entry.offset !== this.#chain[before]!.offset + 1)
      throw new Error(`${name(entry)} was delivered after ${name(this.#chain[before]!)}`);
    // What follows the same entry as another did is of the other branch of a fork.
    this.#chain.length = before + 1;
    this.#chain.push(entry);
    this.#delivered.add(entry.tag);
  }

  #checkLoss(lost: Loss, answer: Snapshot | undefined): void {
    if (!answer) throw new Error(`${lost.reason} was said without an answer of the log`);
    const reason = this.#reasonIn(answer, lost);
    if (lost.reason !== reason)
      throw new Error(`${lost.reason} was said after ${name(this.last!)}, where it is ${reason}`);
    // All of a new epoch is news.
    const end = reason === 'new-epoch' ? '' : topOf(answer).tag;
    if (lost.top.tag !== end) throw new Error('what was said lost has another end');
    this.#chain = [lost.top];
    // Who is told of a loss starts anew: what is after the top may come, whatever came before.
    this.#delivered.clear();
  }

  #reasonIn(answer: Snapshot, { last, top }: Loss): string {
    if (last.epoch !== answer.epoch) return top.epoch === answer.epoch ? 'new-epoch' : 'no loss';
    if (this.#chain.slice(-this.#remembered).some((mark) => shows(answer, mark))) return 'no loss';
    const { offset, tag } = this.last!;
    const isGone = answer.branch.length > offset && answer.gone > offset;
    if (isGone) return 'trimmed';
    return tagAt(answer.branch, offset) === tag ? 'no loss' : 'forked';
  }
}

function name({ offset, tag }: Mark): string {
  return `entry ${offset} (${tag})`;
}
