import type { Loss } from '../../../lib/cluster/local/connection.js';
import type { CursorOutcome } from '../../../lib/cluster/history/consuming/cursor.js';
import type { LogTop, PublishedEntry } from '../../../lib/transport/logs.js';
import { isOfSameData, type Snapshot, shows, tagAt, topOf } from './model-log.js';

/**
 * Watches what a cursor delivers and says, and throws at the first thing that it must not do. It
 * knows nothing of how the cursor works: an entry's epoch, offset and tag name it, and the tag
 * before names the one that must have been delivered before.
 */
export class DeliveryChecker {
  readonly #remembered: number;
  /**
   * What was delivered since the first top or the last loss, on one branch: where a fork was
   * followed, the other is left.
   */
  #chain: LogTop[] = [];
  /** How many of its first ones a cursor need not remember any more. */
  #old = 0;

  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  /** At the first top, or anew at the one after a loss. */
  begin(top: LogTop): void {
    this.#chain = [top];
    this.#old = 0;
  }

  /**
   * @param answer what the log was when it gave the answer that led to this outcome; undefined:
   * none did
   */
  check({ lost, deliver }: CursorOutcome, answer?: Snapshot): void {
    if (lost) this.#checkLoss(lost, answer);
    // The model's entries all know their epoch.
    for (const entry of deliver) this.#checkEntry(entry as PublishedEntry);
  }

  #checkEntry(entry: PublishedEntry): void {
    const { epoch, offset, previousTag } = entry;
    if (this.#indexOf(entry) >= 0) throw new Error(`${name(entry)} was delivered twice`);
    const before = { epoch, offset: offset - 1, tag: previousTag };
    const at = this.#indexOf(before);
    if (at < 0) throw new Error(`${name(entry)} was delivered without ${name(before)}`);
    // What follows the same entry as another did is of the other branch of a fork.
    this.#chain.length = at + 1;
    this.#chain.push(entry);
    this.#old = Math.max(this.#old, this.#chain.length - this.#remembered);
  }

  #indexOf({ epoch, offset, tag }: LogTop): number {
    return this.#chain.findLastIndex(
      (mark) => mark.offset === offset && mark.tag === tag && isIn(mark, epoch),
    );
  }

  #checkLoss(lost: Loss, answer: Snapshot | undefined): void {
    if (!answer) throw new Error(`${lost.reason} was said without an answer of the log`);
    const reason = this.#reasonIn(answer);
    if (lost.reason !== reason)
      throw new Error(`${lost.reason} was said after ${name(this.#chain.at(-1)!)}: ${reason}`);
    const top = topOf(answer);
    // All of a new epoch is news.
    const end = reason === 'new-epoch' ? { ...top, offset: 0, tag: '' } : top;
    if (name(lost.top) !== name(end)) throw new Error('a loss has another end');
    this.begin(lost.top);
  }

  #reasonIn(answer: Snapshot): string {
    const { epoch, offset, tag } = this.#chain.at(-1)!;
    if (!isIn({ epoch, offset }, answer.epoch)) return 'new-epoch';
    if (this.#chain.slice(this.#old).some((mark) => shows(answer, mark))) return 'no loss';
    if (answer.branch.length > offset && answer.gone > offset) return 'trimmed';
    return tagAt(answer.branch, offset) === tag ? 'no loss' : 'forked';
  }
}

/** The place before all entries is that of each epoch of the same data. */
function isIn(mark: Pick<LogTop, 'epoch' | 'offset'>, epoch: string): boolean {
  return mark.epoch === epoch || (mark.offset === 0 && isOfSameData(mark.epoch, epoch));
}

function name({ epoch, offset, tag }: LogTop): string {
  return `entry ${offset} of ${epoch} (${tag})`;
}
