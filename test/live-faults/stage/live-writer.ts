import { type Audience, BackplaneError, type BackplaneServer } from 'nestjs-redis-backplane';
import { Random } from '../../support/random.js';
import { waitFor } from '../../support/wait-for.js';
import { targetNamed } from '../plan/targets.js';
import type { Sent } from '../verdict/records.js';
import { KICK_CODE, kickReason } from '../verdict/verify-commands.js';
import {
  type LiveMessage,
  type LiveWriterOptions,
  MESSAGE_EVENT,
  type Settled,
} from './protocol.js';

const TICK_MS = 20;
const MOST_UNCONFIRMED = 100;
const LARGE_BYTES = 200_000;
const SMALL_BYTES = 150;
const PUBLISHED = 0.2;

interface Way {
  readonly volatile?: boolean;
  readonly hasServerEvent?: boolean;
  readonly large?: boolean;
}

/** Writes to all kinds of targets, by all verbs, and counts what it writes to each. */
export class LiveWriter {
  readonly #name: string;
  readonly #server: BackplaneServer;
  readonly #options: LiveWriterOptions;
  readonly #random: Random;
  readonly #sequences = new Map<string, number>();
  #connections: readonly string[] = [];
  #sent: Sent[] = [];
  #settled: Settled[] = [];
  #unconfirmed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, server: BackplaneServer, options: LiveWriterOptions) {
    this.#name = name;
    this.#server = server;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  start(): void {
    const started = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const target = ((performance.now() - started) / 1_000) * this.#options.messagesPerSecond;
      // What an event loop that stood still has missed is not made good.
      due = Math.max(due, target - 10);
      for (; due < target; due++) this.#write();
    }, TICK_MS);
  }

  /** Resolves when nothing is under way that was published. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await waitFor('all to be confirmed or rejected', () => this.#unconfirmed === 0, 60_000);
  }

  know(connections: readonly string[]): void {
    this.#connections = connections;
  }

  /** What was written since the last call. */
  takeSent(): Sent[] {
    return this.#sent.splice(0);
  }

  /** How publishes ended since the last call. */
  takeSettled(): Settled[] {
    return this.#settled.splice(0);
  }

  /** Emits so many in one turn. */
  burst(target: string, messages: number): void {
    for (let i = 0; i < messages; i++) this.emit(target);
  }

  emit(target: string, way: Way = {}): LiveMessage {
    const { volatile = false, hasServerEvent } = way;
    const message = this.#next(target, { volatile, ...(hasServerEvent && { hasServerEvent }) });
    const audience = this.#audience(target);
    (volatile ? audience.volatile : audience).emit(MESSAGE_EVENT, {
      ...message,
      p: this.#padding(way),
    });
    return message;
  }

  /** Emits to a room, and disconnects its members. */
  kick(room: string): void {
    const { s, q, a } = this.emit(`room:${room}`);
    void this.#server
      .to(room)
      .disconnectSockets(KICK_CODE, kickReason(s, q, a))
      .catch(ignoreBackplane);
  }

  #write(): void {
    const target = this.#pickTarget();
    const { largeOneIn, volatilePart } = this.#options;
    const large = largeOneIn > 0 && this.#random.chance(1 / largeOneIn);
    const publishes = this.#random.chance(PUBLISHED) && this.#unconfirmed < MOST_UNCONFIRMED;
    if (publishes) void this.#publish(target, large);
    else this.emit(target, { large, volatile: this.#random.chance(volatilePart) });
  }

  async #publish(target: string, large: boolean): Promise<void> {
    const message = this.#next(target, { volatile: false, publishing: 'unknown' });
    const audience = this.#audience(target).timeout(this.#random.between(100, 2_500));
    const sequence = message.q;
    this.#unconfirmed++;
    try {
      await audience.publish(MESSAGE_EVENT, { ...message, p: this.#padding({ large }) });
      this.#settle({ target, sequence, publishing: { outcome: 'taken', at: Date.now() } });
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      const outcome = error.message.includes('it was not sent') ? 'never' : 'maybe';
      this.#settle({ target, sequence, publishing: { outcome, at: Date.now() } });
    }
  }

  #settle(settled: Settled): void {
    this.#unconfirmed--;
    this.#settled.push(settled);
  }

  #next(
    target: string,
    way: Pick<Sent, 'volatile' | 'hasServerEvent' | 'publishing'>,
  ): LiveMessage {
    const sequence = (this.#sequences.get(target) ?? 0) + 1;
    this.#sequences.set(target, sequence);
    const sentAt = Date.now();
    this.#sent.push({ sender: this.#name, target, sequence, sentAt, ...way });
    return { s: this.#name, t: target, q: sequence, a: sentAt };
  }

  #padding({ large }: Way): string {
    return 'x'.repeat(large ? LARGE_BYTES : this.#random.between(0, SMALL_BYTES));
  }

  #audience(name: string): Audience {
    const { everyone, rooms, users, connections, exceptRooms } = targetNamed(name);
    if (everyone) return this.#server;
    if (users.length > 0) return this.#server.toUser(users);
    if (connections.length > 0) return this.#server.toConnection(connections);
    const audience = this.#server.to(rooms);
    return exceptRooms.length > 0 ? audience.except(exceptRooms) : audience;
  }

  #pickTarget(): string {
    const random = this.#random;
    const { rooms, groups, users } = this.#options;
    const chance = random.next();
    // Some rooms are busy, others nearly always quiet.
    if (chance < 0.35) return `room:${random.pick(rooms.slice(0, 5))}`;
    if (chance < 0.6) return `room:${random.pick(rooms)}`;
    if (chance < 0.7) return `rooms:${random.pick(groups).join(',')}`;
    if (chance < 0.8) return `except:${random.pick(rooms.slice(0, 8))}`;
    if (chance < 0.88) return `user:${random.pick(users)}`;
    if (chance < 0.97 && this.#connections.length > 0)
      return `connections:${random.sample(this.#connections, random.between(1, 2)).join(',')}`;
    return 'all';
  }
}

function ignoreBackplane(error: unknown): void {
  if (!(error instanceof BackplaneError)) throw error;
}
