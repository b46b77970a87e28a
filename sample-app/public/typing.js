import { byId } from './dom.js';

const SHOWN_MS = 3_500;
const SENT_EVERY_MS = 1_500;

/** Who types in the room that is shown. It is not announced: it would talk over the messages. */
export class TypingLine {
  #line = byId('typing');
  #typists = new Map();

  saw(user, from) {
    this.stop(user.id);
    const timer = setTimeout(() => this.stop(user.id), SHOWN_MS);
    this.#typists.set(user.id, { user, from, timer });
    this.#draw();
  }

  stop(userId) {
    clearTimeout(this.#typists.get(userId)?.timer);
    this.#typists.delete(userId);
    this.#draw();
  }

  clear() {
    for (const id of this.#typists.keys()) this.stop(id);
  }

  #draw() {
    const names = [...this.#typists.values()].map(
      ({ user, from }) => `${user.name} (${from.name})`,
    );
    this.#line.textContent =
      names.length === 0 ? '' : `${names.join(', ')} ${names.length === 1 ? 'types' : 'type'} …`;
  }
}

/** Says that this tab types: at most once in a while, however fast, and anew after {@link sent}. */
export class TypingHint {
  #send;
  #last = -Infinity;

  constructor(send) {
    this.#send = send;
  }

  typed() {
    const now = performance.now();
    if (now - this.#last < SENT_EVERY_MS) return;
    this.#last = now;
    this.#send();
  }

  sent() {
    this.#last = -Infinity;
  }
}
