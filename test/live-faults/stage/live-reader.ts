import { WebSocket } from 'ws';
import { withDeadline } from '../../support/deadline.js';
import type { Got, Stay, Visit } from '../verdict/records.js';
import type { LiveProcess } from './live-process.js';
import { type LiveMessage, MARK_EVENT, MESSAGE_EVENT } from './protocol.js';

const ANSWER_DEADLINE_MS = 30_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

type OwnVisit = Mutable<Omit<Visit, 'stays' | 'got' | 'instance'>> & {
  readonly process: LiveProcess;
  readonly stays: Mutable<Stay>[];
  readonly got: Got[];
};

interface Frame {
  readonly event?: string;
  readonly data: unknown;
  readonly id?: number;
}

/**
 * A plain WebSocket client of a user, in some rooms, which writes down all it gets, over all its
 * connections. Does one thing at a time.
 */
export class LiveReader {
  readonly name: string;
  readonly user: string;
  /** Told when its connection has ended by itself. */
  onClosed: (process: LiveProcess) => void = () => {};
  readonly #rooms: Set<string>;
  readonly #visits: OwnVisit[] = [];
  readonly #answers = new Map<number, (data: unknown) => void>();
  #socket: WebSocket | undefined;
  #visit: OwnVisit | undefined;
  #lastId = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param rooms that it is to be in, in the order in which it joins them */
  constructor(name: string, user: string, rooms: readonly string[]) {
    this.name = name;
    this.user = user;
    this.#rooms = new Set(rooms);
  }

  get process(): LiveProcess | undefined {
    return this.#visit?.process;
  }

  /** Its connection's, where it has one. */
  get id(): string | undefined {
    return this.#visit?.id;
  }

  /** OutcomeCallbacks its connection, and makes another. Rejects where it was not let in. */
  moveTo(process: LiveProcess): Promise<void> {
    return this.#inTurn(async () => {
      this.#leave();
      await this.#connect(process);
      await this.#join([...this.#rooms]);
    });
  }

  /** Leaves a room, and joins that one, or leaves it if it is there. */
  change(room: string): Promise<void> {
    return this.#inTurn(async () => {
      const [first] = [...this.#rooms].filter((one) => !one.startsWith('own'));
      const leaving = this.#rooms.has(room) ? room : first;
      if (leaving !== undefined) await this.#leaveRoom(leaving);
      if (leaving === room) return;
      this.#rooms.add(room);
      await this.#join([room]);
    });
  }

  close(): void {
    this.#leave();
  }

  visits(): Visit[] {
    return this.#visits.map(({ process, leavingAt, stays, got, ...visit }) => {
      const endedAt = process.endedAt;
      return {
        ...visit,
        instance: process.name,
        leavingAt: Math.min(leavingAt ?? Infinity, endedAt ?? Infinity),
        stays,
        got,
      };
    });
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {}); // the caller's
    return turn;
  }

  async #connect(process: LiveProcess): Promise<void> {
    const visit: OwnVisit = {
      reader: this.name,
      process,
      user: this.user,
      id: undefined,
      askedAt: Date.now(),
      boundFrom: undefined,
      leavingAt: undefined,
      closed: undefined,
      stays: [],
      got: [],
    };
    const socket = new WebSocket(`${process.url}?user=${this.user}`);
    this.#visits.push(visit);
    this.#visit = visit;
    this.#socket = socket;
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', () => {
        visit.boundFrom = Date.now();
        resolve();
      });
      socket.once('error', reject); // ends in 'close'
      socket.once('close', () => reject(new Error(`${process.name} closed ${this.name}`)));
    });
    socket.setMaxListeners(0); // one for each question
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => this.#take(visit, data));
    socket.on('close', (code, reason) => this.#closed(visit, code, reason.toString()));
    await withDeadline(opened, `${this.name} to be let in by ${process.name}`, ANSWER_DEADLINE_MS);
    visit.id = (await this.#ask('hello', null)) as string | undefined;
  }

  #closed(visit: OwnVisit, code: number, reason: string): void {
    const isOwn = visit.leavingAt !== undefined;
    visit.leavingAt ??= Date.now();
    if (isOwn || !visit.process.alive) return;
    visit.closed = { code, reason };
    if (visit.boundFrom !== undefined) this.onClosed(visit.process);
  }

  #leave(): void {
    if (this.#visit) this.#visit.leavingAt ??= Date.now();
    this.#socket?.terminate();
    this.#socket = undefined;
    this.#answers.clear();
  }

  async #join(rooms: readonly string[]): Promise<void> {
    const visit = this.#visit!;
    const stays = rooms.map((room) => ({
      room,
      askedAt: Date.now(),
      boundFrom: undefined as number | undefined,
      leftAskedAt: undefined,
      leftAt: undefined,
    }));
    visit.stays.push(...stays);
    if ((await this.#ask('join', rooms)) !== true) return;
    const now = Date.now();
    for (const stay of stays) stay.boundFrom = now;
  }

  async #leaveRoom(room: string): Promise<void> {
    this.#rooms.delete(room);
    const stay = this.#visit?.stays.findLast((one) => one.room === room);
    if (!stay || stay.leftAskedAt !== undefined) return;
    stay.leftAskedAt = Date.now();
    if ((await this.#ask('leave', [room])) === true) stay.leftAt = Date.now();
  }

  #take(visit: OwnVisit, bytes: Buffer): void {
    const at = Date.now();
    const { event, data, id } = JSON.parse(bytes.toString()) as Frame;
    if (event === MESSAGE_EVENT || event === MARK_EVENT) {
      const { s, t, q, a } = data as LiveMessage;
      const kind = event === MARK_EVENT ? 'mark' : 'message';
      visit.got.push({ kind, sender: s, target: t, sequence: q, sentAt: a, at });
    } else if (id !== undefined) {
      this.#answers.get(id)?.(data);
      this.#answers.delete(id);
    }
  }

  /** Undefined if the connection ended before it was answered. */
  async #ask(event: string, data: unknown): Promise<unknown> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return undefined;
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve) => {
      this.#answers.set(id, resolve);
      socket.once('close', () => resolve(undefined));
    });
    socket.send(JSON.stringify({ event, data, id }));
    const what = `${this.#visit!.process.name} to answer "${event}" of ${this.name}`;
    return withDeadline(answer, what, ANSWER_DEADLINE_MS);
  }
}
