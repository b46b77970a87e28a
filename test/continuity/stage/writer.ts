import { setTimeout as delay } from 'node:timers/promises';
import {
  BackplaneRefusedError,
  type BackplaneServer,
  BackplaneUnavailableError,
} from 'nestjs-redis-backplane';
import { Random } from '../../support/random.js';
import { waitFor } from '../../support/wait-for.js';
import type { Message } from '../verdict/recording.js';
import type { Acknowledgement } from '../verdict/verify-log.js';
import { MESSAGE_EVENT } from './names.js';
import type { WriterOptions } from './protocol.js';

const TICK_MS = 20;
const RETRY_MS = 50;
const MOST_UNCONFIRMED = 200;
const LARGEST_PADDING = 300;
/** Of the publishes that Redis refuses, so many are given up, and must be in no log then. */
const GIVEN_UP = 0.3;

/** Some rooms are busy, most are not, and some are nearly always quiet. */
const CROWDS = [
  { share: 0.6, rooms: 0.2 },
  { share: 0.35, rooms: 0.5 },
  { share: 0.05, rooms: 1 },
] as const;

/**
 * Writes to rooms, by `emit` and by `publish`, each of which it tries under one id until it is
 * confirmed. Counts what it writes in each room.
 */
export class Writer {
  readonly emitted: string[] = [];
  /** The uids of what was refused at the first try, and given up. */
  readonly refused: string[] = [];
  readonly #name: string;
  readonly #server: BackplaneServer;
  readonly #options: WriterOptions;
  readonly #random: Random;
  readonly #sequences = new Map<string, number>();
  #acknowledged: Acknowledgement[] = [];
  #written = 0;
  #unconfirmed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, server: BackplaneServer, options: WriterOptions) {
    this.#name = name;
    this.#server = server;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  start(): void {
    const started = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - started;
      const target = (elapsedMs / 1_000) * this.#options.messagesPerSecond;
      // What an event loop that stood still has missed is not made good.
      due = Math.max(due, target - 10);
      for (; due < target; due++) this.#write();
    }, TICK_MS);
  }

  /** Resolves when all that was published is confirmed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await waitFor('all to be confirmed', () => this.#unconfirmed === 0, 60_000);
  }

  /** Those since the last call. */
  takeAcknowledgements(): Acknowledgement[] {
    return this.#acknowledged.splice(0);
  }

  /** Emits so many in one turn. */
  burst(messages: number): void {
    for (let i = 0; i < messages; i++) this.#write('emit');
  }

  #write(verb?: Message['verb']): void {
    const message = this.#next(verb);
    const { largestPadding = LARGEST_PADDING } = this.#options;
    const padding = 'x'.repeat(this.#random.between(0, largestPadding));
    if (message.verb === 'publish') {
      void this.#publish(message, padding);
      return;
    }
    this.emitted.push(message.uid);
    this.#server.to(message.room).emit(MESSAGE_EVENT, { ...message, padding });
  }

  async #publish(message: Message, padding: string): Promise<void> {
    const { uid, writer, room } = message;
    this.#unconfirmed++;
    for (let tries = 1; ; tries++) {
      try {
        const published = await this.#server
          .to(room)
          .publish(MESSAGE_EVENT, { ...message, padding }, { id: uid });
        const { offset } = published!;
        this.#acknowledged.push({ uid, writer, room, offset, at: Date.now() });
        this.#unconfirmed--;
        return;
      } catch (error) {
        if (!(error instanceof BackplaneUnavailableError)) throw error;
        if (
          tries === 1 &&
          error instanceof BackplaneRefusedError &&
          this.#random.chance(GIVEN_UP)
        ) {
          this.refused.push(uid);
          this.#unconfirmed--;
          return;
        }
        await delay(RETRY_MS);
      }
    }
  }

  #next(verb?: Message['verb']): Message {
    const room = this.#pickRoom();
    const sequence = (this.#sequences.get(room) ?? 0) + 1;
    this.#sequences.set(room, sequence);
    const publishes =
      verb === undefined &&
      this.#random.chance(0.6) &&
      this.#unconfirmed < MOST_UNCONFIRMED &&
      !this.#options.emitsOnly;
    return {
      uid: `${this.#name}-${++this.#written}`,
      room,
      writer: this.#name,
      sequence,
      verb: publishes ? 'publish' : 'emit',
      sentAt: Date.now(),
    };
  }

  #pickRoom(): string {
    const { rooms } = this.#options;
    let chance = this.#random.next();
    let from = 0;
    for (const crowd of CROWDS) {
      const to = Math.ceil(rooms.length * crowd.rooms);
      if (chance < crowd.share) return this.#random.pick(rooms.slice(from, to));
      chance -= crowd.share;
      from = to;
    }
    return this.#random.pick(rooms);
  }
}
