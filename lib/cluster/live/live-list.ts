import { NO_MESSAGE_BEFORE, type LivePosition } from '../wire/live-position.js';

/** The messages of this instance to one channel, as far back as the list reaches. */
export interface ListedChannel {
  readonly name: string;
  readonly id: number;
  /** See {@link LivePosition}. */
  readonly start: number;
  /** Of the newest message. */
  number: number;
  /** When the newest was sent. */
  lastAt: number;
  /** When one of them last left. */
  leftAt: number;
  /** Where the newest stands in the list. */
  newest: number;
  /** How many of its messages the list has. */
  listed: number;
}

/**
 * `waiting`: Redis has not said that it took the message. `left`: it has. `void`: nobody is to get
 * it any more.
 */
export type RecordState = 'waiting' | 'left' | 'void';

export interface ListRecord {
  readonly state: RecordState;
  /** When it was sent. */
  readonly at: number;
  readonly channels: readonly ListedChannel[];
}

const STATES: readonly RecordState[] = ['waiting', 'left', 'void'];
const WAITING = 0;

/*
 * A record: its length (4, with what fills it up to 8), state (1), number of channels (1), 2 unused, length of the message (4), 4 unused,
 * when it was sent (8); then for each channel its id (4), the number there (4) and where the one before stands (8); then the message.
 * A length of 0 says that the rest of the ring is unused.
 */
const STATE_AT = 4;
const CHANNELS_AT = 5;
const MESSAGE_LENGTH_AT = 8;
const TIME_AT = 16;
const HEAD_BYTES = 24;
const CHANNEL_BYTES = 16;
const NOWHERE = -1;

/**
 * The memory of what was sent: the newest messages, in their order, in one ring of bytes. Old ones
 * leave it when they are too old, or when there is no room.
 *
 * Invariants: positions only grow, and a record's index is its position modulo the size of the
 * ring; a record does not wrap around; a channel's numbering ends when the list has nothing of it.
 */
export class LiveList {
  readonly #capacity: number;
  readonly #keepMs: number;
  readonly #onEvict: (slot: number) => void;
  readonly #byName = new Map<string, ListedChannel>();
  readonly #byId = new Map<number, ListedChannel>();
  #ring: Buffer | undefined;
  #tail = 0;
  #head = 0;
  #size = 0;
  #lastId = 0;
  /** Of all messages: names the beginnings of numberings. */
  #count = 0;
  /** When the newest message was sent that the list has no more. */
  #goneAt = -Infinity;

  /** @param onEvict called before the record there leaves the list; must not throw */
  constructor(capacity: number, keepMs: number, onEvict: (slot: number) => void = () => {}) {
    this.#capacity = Math.ceil(capacity / 8) * 8;
    this.#keepMs = keepMs;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#head - this.#tail;
  }

  /** Where the oldest stands; {@link end} where there is none. */
  get begin(): number {
    return this.#tail;
  }

  get end(): number {
    return this.#head;
  }

  /** All that was sent after this time is in the list. */
  get completeSince(): number {
    return this.#goneAt;
  }

  has(slot: number): boolean {
    return slot >= this.#tail && slot < this.#head;
  }

  /** The channel, as far as the list has it. */
  channel(name: string): ListedChannel | undefined {
    return this.#byName.get(name);
  }

  /** In the order of their ids. */
  channels(): IterableIterator<ListedChannel> {
    return this.#byId.values();
  }

  /**
   * Whether a message of that size, to so many channels, is kept. One that fills half of the ring
   * is not.
   */
  fits(messageBytes: number, channels: number): boolean {
    return recordBytes(messageBytes, channels) <= this.#capacity / 2;
  }

  /**
   * The positions of the next message in the channels. To be taken by {@link push}, before another
   * is asked for.
   */
  next(names: readonly string[], now: number): LivePosition[] {
    this.prune(now);
    this.#count++;
    if (names.length === 1) return [this.#nextIn(names[0]!, now)];
    return names.map((name) => this.#nextIn(name, now));
  }

  /**
   * The messages behind which a message without an own position comes: the newest of each channel,
   * number 0 where there is none.
   */
  newest(names: readonly string[], now: number): LivePosition[] {
    return names.map((name) => {
      const channel = this.#byName.get(name);
      if (!channel) return { start: 0, number: 0, sinceMs: NO_MESSAGE_BEFORE };
      return { start: channel.start, number: channel.number, sinceMs: sinceMsOf(channel, now) };
    });
  }

  /** Keeps a message, which fits. Answers with where it stands. */
  push(
    names: readonly string[],
    positions: readonly LivePosition[],
    message: Buffer,
    now: number,
  ): number {
    const length = recordBytes(message.length, names.length);
    this.#makeRoom(length);
    const slot = this.#head;
    const at = this.#index(slot);
    const ring = this.#ring!;
    ring.writeUInt32LE(length, at);
    ring[at + STATE_AT] = WAITING;
    ring[at + CHANNELS_AT] = names.length;
    ring.writeUInt32LE(message.length, at + MESSAGE_LENGTH_AT);
    ring.writeDoubleLE(now, at + TIME_AT);
    let channelAt = at + HEAD_BYTES;
    for (let i = 0; i < names.length; i++) {
      const channel = this.#enter(names[i]!, positions[i]!);
      ring.writeUInt32LE(channel.id, channelAt);
      ring.writeUInt32LE(channel.number, channelAt + 4);
      ring.writeDoubleLE(channel.newest, channelAt + 8);
      channel.newest = slot;
      channel.lastAt = channel.leftAt = now;
      channelAt += CHANNEL_BYTES;
    }
    message.copy(ring, channelAt);
    this.#head += length;
    this.#size++;
    return slot;
  }

  /** Where the record after that one stands; {@link end} after the last. */
  after(slot: number): number {
    return this.#skipUnused(slot + this.#length(slot));
  }

  record(slot: number): ListRecord {
    const at = this.#index(slot);
    const ring = this.#ring!;
    const channels: ListedChannel[] = [];
    for (let i = 0; i < ring[at + CHANNELS_AT]!; i++)
      channels.push(this.#byId.get(ring.readUInt32LE(at + HEAD_BYTES + i * CHANNEL_BYTES))!);
    return { state: STATES[ring[at + STATE_AT]!]!, at: ring.readDoubleLE(at + TIME_AT), channels };
  }

  /** A copy of the message: the ring goes on. */
  message(slot: number): Buffer {
    const at = this.#index(slot);
    const ring = this.#ring!;
    const from = at + HEAD_BYTES + ring[at + CHANNELS_AT]! * CHANNEL_BYTES;
    return Buffer.from(ring.subarray(from, from + ring.readUInt32LE(at + MESSAGE_LENGTH_AT)));
  }

  state(slot: number): RecordState {
    return STATES[this.#ring![this.#index(slot) + STATE_AT]!]!;
  }

  mark(slot: number, state: RecordState): void {
    if (this.has(slot)) this.#ring![this.#index(slot) + STATE_AT] = STATES.indexOf(state);
  }

  /**
   * Where the channel's messages stand, from one number to another, as far as the list has them; in
   * their order.
   */
  find(
    channel: ListedChannel,
    from: number,
    to: number,
  ): { readonly number: number; readonly slot: number }[] {
    const found: { number: number; slot: number }[] = [];
    for (let slot = channel.newest; this.has(slot);) {
      const at = this.#entryOf(slot, channel.id);
      const number = this.#ring!.readUInt32LE(at + 4);
      if (number < from) break;
      if (number <= to) found.push({ number, slot });
      slot = this.#ring!.readDoubleLE(at + 8);
    }
    return found.toReversed();
  }

  /** Forgets what is too old. */
  prune(now: number): void {
    while (this.#size > 0 && this.#time(this.#tail) < now - this.#keepMs) this.#dropOldest();
    if (this.#size === 0) this.#startOver();
  }

  /** Forgets all, and gives the memory back. */
  clear(): void {
    while (this.#size > 0) this.#dropOldest();
    this.#startOver();
    this.#ring = undefined;
  }

  /** At the beginning of the ring, so that little traffic stays in a small part of it. */
  #startOver(): void {
    const index = this.#index(this.#head);
    if (index > 0) this.#head += this.#capacity - index;
    this.#tail = this.#head;
  }

  #nextIn(name: string, now: number): LivePosition {
    const channel = this.#byName.get(name);
    if (!channel) return { start: this.#count, number: 1, sinceMs: NO_MESSAGE_BEFORE };
    return { start: channel.start, number: channel.number + 1, sinceMs: sinceMsOf(channel, now) };
  }

  #enter(name: string, { start, number }: LivePosition): ListedChannel {
    let channel = this.#byName.get(name);
    if (!channel) {
      const id = (this.#lastId = (this.#lastId % 0xffff_ffff) + 1);
      channel = { name, id, start, number, lastAt: 0, leftAt: 0, newest: NOWHERE, listed: 0 };
      this.#byName.set(name, channel);
      this.#byId.set(id, channel);
    }
    channel.number = number;
    channel.listed++;
    return channel;
  }

  #makeRoom(length: number): void {
    this.#ring ??= Buffer.allocUnsafeSlow(this.#capacity);
    const unused = this.#capacity - this.#index(this.#head);
    const needed = unused < length ? unused + length : length;
    while (this.#size > 0 && this.#head + needed - this.#tail > this.#capacity) this.#dropOldest();
    if (unused >= length) return;
    this.#ring.writeUInt32LE(0, this.#index(this.#head));
    this.#head += unused;
    if (this.#size === 0) this.#tail = this.#head;
  }

  #dropOldest(): void {
    const slot = this.#tail;
    this.#onEvict(slot);
    const at = this.#index(slot);
    this.#goneAt = this.#time(slot);
    for (let i = this.#ring![at + CHANNELS_AT]!; i-- > 0;)
      this.#drop(this.#ring!.readUInt32LE(at + HEAD_BYTES + i * CHANNEL_BYTES));
    this.#tail = this.after(slot);
    this.#size--;
  }

  /** One message of the channel less. */
  #drop(id: number): void {
    const channel = this.#byId.get(id)!;
    if (--channel.listed > 0) return;
    this.#byName.delete(channel.name);
    this.#byId.delete(id);
  }

  #skipUnused(slot: number): number {
    if (slot >= this.#head || this.#length(slot) > 0) return slot;
    return slot + this.#capacity - this.#index(slot);
  }

  #index(slot: number): number {
    return slot % this.#capacity;
  }

  #length(slot: number): number {
    return this.#ring!.readUInt32LE(this.#index(slot));
  }

  #time(slot: number): number {
    return this.#ring!.readDoubleLE(this.#index(slot) + TIME_AT);
  }

  /** Where the record's entry for the channel stands in the ring. */
  #entryOf(slot: number, id: number): number {
    let at = this.#index(slot) + HEAD_BYTES;
    while (this.#ring!.readUInt32LE(at) !== id) at += CHANNEL_BYTES;
    return at;
  }
}

/** Rounded up, so that nobody misses what was sent just before it began to listen. */
function sinceMsOf({ lastAt }: ListedChannel, now: number): number {
  return Math.min(Math.max(0, Math.ceil(now - lastAt)), NO_MESSAGE_BEFORE - 1);
}

function recordBytes(messageBytes: number, channels: number): number {
  const bytes = HEAD_BYTES + channels * CHANNEL_BYTES + messageBytes;
  return Math.ceil(bytes / 8) * 8;
}
