import type { Say } from '../common/target.js';
import { clientFrame } from './frames.js';
import type { Client } from './client.js';
import type { Protocol } from './protocol.js';
import { textOf } from '../common/text.js';

/** What clients ask for, and when. */
export interface Work {
  /**
   * `window`: so many asks under way at a time. `paced`: so many a second. `ask`: each client asks
   * again when it is answered.
   */
  readonly kind: 'window' | 'paced' | 'ask';
  /** The window, or how many a second. */
  readonly amount: number;
  readonly payloadBytes: number;
  readonly to?: Say['to'];
  readonly names?: number;
  readonly copies?: number;
  /** The first name runs through 0…span-1 in steps of `names`. */
  readonly span?: number;
  /** One message to all names, in one call. */
  readonly together?: boolean;
  /** How many messages clients get for each ask. */
  readonly deliveries: number;
  /** Which of the instances is asked; by default all of them in turn. */
  readonly instance?: number;
}

const TICK_MS = 2;

/** Has clients ask for messages, and counts what was asked for. */
export abstract class Asking {
  asked = 0;
  protected readonly work: Work;
  readonly #protocol: Protocol;
  readonly #askers: readonly Client[];
  readonly #text: string;

  constructor(work: Work, protocol: Protocol, askers: readonly Client[]) {
    this.work = work;
    this.#protocol = protocol;
    this.#askers = work.instance === undefined ? askers : [askers[work.instance]!];
    this.#text = textOf(work.payloadBytes);
  }

  abstract start(): void;
  abstract stop(): void;
  /** A message was delivered, the so-manieth. */
  abstract delivered(total: number): void;

  protected say(): void {
    const { to = 'room', names = 1, copies = 1, span = names, together } = this.work;
    const first = (this.asked * names) % span;
    const asker = this.#askers[this.asked % this.#askers.length]!;
    this.asked++;
    asker.write(this.frame('say', { to, first, names, copies, together }));
  }

  protected frame(event: string, rest: object): Buffer {
    const data = { ...rest, t: performance.now(), text: this.#text };
    return clientFrame(this.#protocol.encode(event, data));
  }
}

class Window extends Asking {
  #stopped = false;

  override start(): void {
    for (let i = 0; i < this.work.amount; i++) this.say();
  }

  override stop(): void {
    this.#stopped = true;
  }

  override delivered(total: number): void {
    if (this.#stopped) return;
    while (this.asked - total / this.work.deliveries < this.work.amount) this.say();
  }
}

class Paced extends Asking {
  #timer: NodeJS.Timeout | undefined;

  override start(): void {
    const begun = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - begun) * this.work.amount) / 1_000;
      while (this.asked < due) this.say();
    }, TICK_MS);
  }

  override stop(): void {
    clearInterval(this.#timer);
  }

  override delivered(): void {}
}

class Ask extends Asking {
  readonly #clients: readonly Client[];
  readonly #count: () => void;
  #stopped = false;

  constructor(work: Work, protocol: Protocol, clients: readonly Client[], count: () => void) {
    super(work, protocol, clients);
    this.#clients = clients;
    this.#count = count;
  }

  override start(): void {
    for (const client of this.#clients) {
      client.onMessage = () => {
        this.#count();
        if (!this.#stopped) this.#ask(client);
      };
      this.#ask(client);
    }
  }

  override stop(): void {
    this.#stopped = true;
  }

  override delivered(): void {}

  #ask(client: Client): void {
    this.asked++;
    client.write(this.frame('ask', {}));
  }
}

/** @param members those who are in rooms; @param askers one for each instance, in no room */
export function asking(
  work: Work,
  protocol: Protocol,
  members: readonly Client[],
  askers: readonly Client[],
  count: () => void,
): Asking {
  switch (work.kind) {
    case 'window':
      return new Window(work, protocol, askers);
    case 'paced':
      return new Paced(work, protocol, askers);
    case 'ask':
      return new Ask(work, protocol, members, count);
  }
}
