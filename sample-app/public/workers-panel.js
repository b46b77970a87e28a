import { byId, el } from './dom.js';
import { instanceChip } from './instance-chip.js';

/** Two pulses missed: something is wrong with the instance, or with the way to it. */
const SILENT_MS = 5_000;
const FORGOTTEN_MS = 60_000;

/** The instances that were heard of, and how they are. */
export class WorkersPanel {
  #list = byId('instances');
  #heard = new Map();
  #here;
  #picture;

  constructor(picture) {
    this.#picture = picture;
    setInterval(() => this.#draw(), 1_000);
  }

  servedBy(origin) {
    this.#here = origin;
    this.#draw();
  }

  pulse(origin, connections) {
    this.#heard.set(origin.name, { origin, connections, at: performance.now(), hasLeft: false });
    this.#draw();
  }

  leaving(origin) {
    const heard = this.#heard.get(origin.name);
    if (heard?.origin.pid === origin.pid) heard.hasLeft = true;
    this.#draw();
  }

  #draw() {
    const now = performance.now();
    for (const [name, { at }] of this.#heard) {
      if (now - at > FORGOTTEN_MS) this.#heard.delete(name);
    }
    const sorted = [...this.#heard.values()].sort((a, b) => a.origin.number - b.origin.number);
    const lines = sorted.map((heard) => this.#line(heard, now - heard.at));
    this.#picture.show(lines.map(({ origin, state, isHere }) => ({ origin, state, isHere })));
    const drawn = lines.map(({ key }) => key).join('\n');
    if (drawn === this.#list.dataset.drawn) return;
    this.#list.dataset.drawn = drawn;
    this.#list.replaceChildren(...lines.map(({ item }) => item()));
  }

  #line({ origin, connections, hasLeft }, silentMs) {
    const isHere = this.#here?.name === origin.name && this.#here.pid === origin.pid;
    let state = 'live';
    let words = connections === 1 ? '1 tab' : `${connections} tabs`;
    if (hasLeft) [state, words] = ['gone', 'stopped'];
    else if (silentMs > SILENT_MS) [state, words] = ['silent', 'not heard'];
    const item = () => {
      const parts = [instanceChip(origin), el('span', { className: 'tabs' }, words)];
      if (isHere) parts.push(el('span', { className: 'mine' }, 'this tab'));
      return el('li', { dataset: { state } }, ...parts);
    };
    const key = `${origin.name} ${origin.pid} ${state} ${words} ${isHere}`;
    return { key, item, origin, state, isHere };
  }
}
