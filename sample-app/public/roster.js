import { byId, el } from './dom.js';
import { instanceChip } from './instance-chip.js';

const REFRESH_MS = 5_000;

/** Who is here across all workers, and on which. */
export class Roster {
  #connection;
  #count = byId('people-count');
  #list = byId('people');

  constructor(connection) {
    this.#connection = connection;
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
    this.#list.replaceChildren(
      ...sorted.map((person) => {
        const more = person.tabs > 1 ? ` (${person.tabs} tabs)` : '';
        const name = el('span', { className: 'tabs' }, person.user.name + more);
        return el('li', {}, instanceChip(person.from), name);
      }),
    );
  }
}
