import { WebSocket } from 'ws';
import { withDeadline } from '../../support/deadline.js';
import type { Membership, Received } from '../verdict/membership.js';
import type { Message } from '../verdict/recording.js';
import type { InstanceProcess } from './instance-process.js';
import { MESSAGE_EVENT } from './names.js';

const ANSWER_DEADLINE_MS = 30_000;

interface Stay {
  readonly instance: InstanceProcess;
  readonly room: string;
  readonly askedAt: number;
  joined: { at: number; inTouch: boolean } | undefined;
  readonly received: Received[];
  stays: boolean;
}

interface Frame {
  readonly event?: string;
  readonly data: unknown;
  readonly id?: number;
}

/**
 * A plain WebSocket client in some rooms, which writes down all it gets, over all its connections.
 */
export class Reader {
  readonly name: string;
  /** Connections that the server ended. */
  readonly disconnections: string[] = [];
  readonly #stays: Stay[] = [];
  readonly #current = new Map<string, Stay>();
  readonly #answers = new Map<number, (data: unknown) => void>();
  #socket: WebSocket | undefined;
  #opened: Promise<void> = Promise.resolve();
  #instance: InstanceProcess | undefined;
  #lastId = 0;

  constructor(name: string) {
    this.name = name;
  }

  get instance(): InstanceProcess | undefined {
    return this.#instance;
  }

  get rooms(): string[] {
    return [...this.#current.keys()];
  }

  async connect(instance: InstanceProcess): Promise<void> {
    const socket = new WebSocket(instance.url);
    this.#socket = socket;
    this.#instance = instance;
    let why = '';
    socket.on('error', (error) => (why = error.message)); // ends in 'close'
    socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString()) as Frame));
    socket.on('close', (code) => {
      if (instance.alive && socket === this.#socket) {
        this.disconnections.push(`${this.name} by ${instance.name}, ${code}`);
      }
    });
    this.#opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('close', () =>
        reject(new Error(`${instance.name} let ${this.name} not in: ${why}`)),
      );
    });
    await withDeadline(
      this.#opened,
      `${this.name} to be let in by ${instance.name}`,
      ANSWER_DEADLINE_MS,
    );
  }

  /**
   * Leaves what is left of its connection, and joins its rooms on another instance. False if that
   * ended meanwhile.
   */
  async moveTo(instance: InstanceProcess): Promise<boolean> {
    const { rooms } = this;
    this.close();
    try {
      await this.connect(instance);
    } catch (error) {
      if (instance.alive) throw error;
      return false;
    }
    await Promise.all(rooms.map((room) => this.join(room)));
    return instance.alive;
  }

  async join(room: string): Promise<void> {
    const instance = this.#instance!;
    const stay: Stay = {
      instance,
      room,
      askedAt: Date.now(),
      joined: undefined,
      received: [],
      stays: true,
    };
    this.#current.set(room, stay);
    this.#stays.push(stay);
    const inTouch = (await this.#ask('join', room)) === true;
    stay.joined = { at: Date.now(), inTouch };
  }

  async leave(room: string): Promise<void> {
    const stay = this.#current.get(room);
    if (!stay) return;
    stay.stays = false;
    await this.#ask('leave', room);
    if (this.#current.get(room) === stay) this.#current.delete(room);
  }

  /** Reads nothing for now: what comes piles up on the way. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  memberships(): Membership[] {
    return this.#stays.map(({ instance, room, askedAt, joined, received, stays }) => ({
      member: this.name,
      instance: instance.name,
      room,
      askedAt,
      boundFrom: joined?.at,
      joinedOffline: joined?.inTouch !== true,
      received: [...received],
      stayed: stays && instance.alive,
    }));
  }

  #take({ event, data, id }: Frame): void {
    const at = Date.now();
    if (event === MESSAGE_EVENT) {
      const { uid, room } = data as Message;
      this.#current.get(room)?.received.push({ kind: 'message', uid, at });
    } else if (event === 'lost') {
      const { room, reason } = data as { room: string; reason: string };
      this.#current.get(room)?.received.push({ kind: 'lost', reason, at });
    } else if (id !== undefined) {
      this.#answers.get(id)?.(data);
      this.#answers.delete(id);
    }
  }

  /** Undefined if the instance ended before it could answer. */
  async #ask(event: string, data: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const instance = this.#instance!;
    const answer = new Promise<unknown>((resolve) => {
      this.#answers.set(id, resolve);
      void instance.exited.then(() => resolve(undefined));
    });
    const question = JSON.stringify({ event, data, id });
    // One that is not let in is one whose instance ended.
    await this.#opened.then(
      () => this.#socket?.send(question),
      () => {},
    );
    const what = `${instance.name} to answer "${event}" of ${this.name}`;
    return withDeadline(answer, what, ANSWER_DEADLINE_MS);
  }
}
