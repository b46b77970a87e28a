import type { AcceptedRoom } from './accepted.js';
import type { Message } from './recording.js';
import type { Violation, ViolationKind } from './violation.js';

/** What a publisher was told. */
export interface Acknowledgement {
  readonly uid: string;
  readonly writer: string;
  readonly room: string;
  readonly offset: number;
  readonly at: number;
}

/**
 * Checks the log of one room by itself: it is numbered without holes, has each message once, and in
 * an order that its writers can understand; and what they were told is true.
 */
export function verifyLog(
  room: string,
  accepted: AcceptedRoom,
  acknowledgements: readonly Acknowledgement[],
): Violation[] {
  const check = new LogCheck(room, accepted);
  check.numbering();
  check.doubles();
  check.acknowledged(acknowledgements);
  check.order(new Map(acknowledgements.map(({ uid, at }) => [uid, at])));
  return check.violations;
}

class LogCheck {
  readonly violations: Violation[] = [];
  readonly #room: string;
  readonly #accepted: AcceptedRoom;

  constructor(room: string, accepted: AcceptedRoom) {
    this.#room = room;
    this.#accepted = accepted;
  }

  numbering(): void {
    const { entries, holes } = this.#accepted;
    for (const place of holes) {
      const before = entries[place - 1]?.offset ?? 'nothing';
      const { message, offset } = entries[place]!;
      this.#report('hole-in-log', message.writer, `offset ${offset} follows ${before}`);
    }
  }

  /** Again is right where the first one, or the memory of its id, was lost. */
  doubles(): void {
    const { entries, restarts } = this.#accepted;
    for (const [place, { message }] of entries.entries()) {
      const places = this.#accepted.placesOf(message.uid);
      const earlier = places[places.indexOf(place) - 1];
      if (earlier === undefined || entries[earlier]!.forfeited) continue;
      if (restarts.some((at) => at > earlier && at <= place)) continue;
      this.#report(
        'appended-twice',
        message.writer,
        `${message.uid} at ${this.#offsetsOf(message)}`,
      );
    }
  }

  acknowledged(all: readonly Acknowledgement[]): void {
    const { entries } = this.#accepted;
    for (const { uid, writer, offset } of all) {
      const places = this.#accepted.placesOf(uid);
      if (places.some((place) => entries[place]!.offset === offset)) continue;
      const where = places.map((place) => entries[place]!.offset).join(', ') || 'nowhere';
      this.#report(
        'acknowledged-vanished',
        writer,
        `${uid} was said to be at ${offset}, is ${where}`,
      );
    }
  }

  /**
   * No message stands before one that was acknowledged when it was not sent yet, nor before an
   * earlier emit of its writer.
   */
  order(acknowledgedAt: ReadonlyMap<string, number>): void {
    const lastEmits = new Map<string, Message>();
    let lastSent: Message | undefined;
    for (const { message } of this.#accepted.entries) {
      if (this.#accepted.placesOf(message.uid).length > 1) continue;
      const { writer, uid, sequence, sentAt, verb } = message;
      const at = acknowledgedAt.get(uid);
      if (lastSent && at !== undefined && at < lastSent.sentAt) this.#disorder(lastSent, message);
      if (!lastSent || sentAt > lastSent.sentAt) lastSent = message;
      if (verb !== 'emit') continue;
      const before = lastEmits.get(writer);
      if (before && before.sequence > sequence) this.#disorder(before, message);
      lastEmits.set(writer, message);
    }
  }

  #disorder(first: Message, second: Message): void {
    this.#report('log-disorder', second.writer, `${first.uid} stands before ${second.uid}`);
  }

  #offsetsOf({ uid }: Message): string {
    const { entries } = this.#accepted;
    const offsets = this.#accepted.placesOf(uid).map((place) => entries[place]!.offset);
    return `offsets ${offsets.join(', ')}`;
  }

  #report(kind: ViolationKind, who: string, detail: string): void {
    this.violations.push({ kind, room: this.#room, who, detail });
  }
}
