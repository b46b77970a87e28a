import { byId, el } from './dom.js';
import { instanceChip } from './instance-chip.js';

const REFRESH_MS = 5_000;

/** Who is here across all workers, and on which. */
export class Roster {
  #connection;
  #count = byId('people-count');
  #list = byId('people');
  #onPerson;
  #isOwn;
  #drawn;

  /** @param onPerson is called for a click on somebody else's name */
  constructor(connection, { onPerson, isOwn }) {
    this.#connection = connection;
    this.#onPerson = onPerson;
    this.#isOwn = isOwn;
    setInterval(() => void this.refresh(), REFRESH_MS);
  }

  async refresh() {
    if (!this.#connection.isOpen || document.hidden) return;
    try {
      this.#draw(await this.#connection.request('who'));
    } catch {
      // The next one may do better.
    }
  }

  #draw({ total, people, missing }) {
    const tabs = total === 1 ? '1 tab' : `${total} tabs`;
    this.#count.textContent = missing > 0 ? `${tabs}, and some workers did not say` : tabs;
    const sorted = people.toSorted((a, b) => a.user.name.localeCompare(b.user.name));
    const drawn = JSON.stringify(sorted);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = this.#list.contains(document.activeElement) && document.activeElement.title;
    this.#list.replaceChildren(...sorted.map((person) => this.#line(person)));
    if (focused)
      this.#buttons()
        .find(({ title }) => title === focused)
        ?.focus();
  }

  #buttons() {
    return [...this.#list.querySelectorAll('button')];
  }

  #line({ user, from, tabs }) {
    const more = tabs > 1 ? ` (${tabs} tabs)` : '';
    if (this.#isOwn(user)) {
      const name = el('span', { className: 'tabs' }, user.name + more);
      return el('li', {}, instanceChip(from), name);
    }
    const title = `Talk to ${user.name} in private`;
    const name = el('button', { type: 'button', className: 'author', title }, user.name);
    name.addEventListener('click', () => this.#onPerson(user));
    return el('li', {}, instanceChip(from), name, el('span', { className: 'tabs' }, more));
  }
}
