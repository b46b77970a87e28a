import { byId, el } from './dom.js';
import { durationOf } from './clock.js';
import { instanceChip } from './instance-chip.js';

const MOST_SHOWN = 2;

/**
 * What arrives here of the thousands that somebody sends at once: how many, in which order, how
 * late.
 */
export class Bursts {
  #list = byId('bursts');
  #button = byId('send-many');
  #bursts = new Map();
  #isDue = false;

  constructor(connection, onProblem) {
    this.#button.addEventListener('click', () => {
      connection.request('send-many').catch(onProblem);
    });
  }

  /** @param ageMs how long ago all of them were sent */
  took({ id, number, of, from, user }, ageMs) {
    const burst = this.#bursts.get(id) ?? this.#begin({ id, of, from, user });
    if (number !== burst.last + 1) burst.isInOrder = false;
    burst.last = number;
    burst.count++;
    burst.ageMs = ageMs;
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#draw());
  }

  #begin({ id, of, from, user }) {
    const numbers = el('span', { className: 'tabs' });
    const item = el('li', { title: `Sent by ${user.name}` }, instanceChip(from), numbers);
    const burst = { of, item, numbers, last: 0, count: 0, isInOrder: true, ageMs: 0 };
    this.#bursts.set(id, burst);
    this.#list.prepend(item);
    for (const old of [...this.#bursts.keys()].slice(0, -MOST_SHOWN)) {
      this.#bursts.get(old).item.remove();
      this.#bursts.delete(old);
    }
    return burst;
  }

  #draw() {
    this.#isDue = false;
    for (const { numbers, count, of, isInOrder, ageMs } of this.#bursts.values()) {
      const order = isInOrder ? 'in order' : 'not in order';
      const rest = count === of ? '' : ` of ${of.toLocaleString('en')}`;
      const many = count.toLocaleString('en') + rest;
      numbers.textContent = `${many} ${order}, ${durationOf(ageMs)}`;
    }
  }
}
