import { byId } from './dom.js';
import { hueOf } from './instance-chip.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 280;
const REDIS = { x: WIDTH / 2, y: 24 };
const INSTANCES_Y = 92;
const TAB_Y = 142;
const RADIUS = 14;
const MOST_INSTANCES = 8;
const MOST_DOTS = 12;
/** From one stop to the next. */
const STEP_MS = 320;
const LIT_MS = 600;

/**
 * What a worker hands to Redis, and nobody gets past it: rooms with a history have one order for
 * all.
 */
const ORDERED = new Set(['said', 'whispered']);

/** The workers, Redis and this tab; and on which way each message comes here. */
export class LivePicture {
  #svg = byId('picture');
  #edges = svg('g', {});
  #dots = svg('g', {});
  #nodes = svg('g', {});
  #placed = new Map();
  #here;
  #redis = { isReady: true, words: 'Redis' };
  #motion = matchMedia('(prefers-reduced-motion: no-preference)');
  #drawn = '';
  #instances = [];

  constructor() {
    this.#svg.append(this.#edges, this.#dots, this.#nodes);
  }

  /** @param instances each as `{ origin, state, isHere }` */
  show(instances) {
    const here = instances.filter(({ isHere }) => isHere);
    const others = instances.filter(({ isHere }) => !isHere).slice(0, MOST_INSTANCES - here.length);
    const shown = [...here, ...others].sort((a, b) => a.origin.number - b.origin.number);
    this.#instances = shown;
    this.#draw();
  }

  /** Whether the worker of this tab reaches Redis. */
  redis(isReady, isPaused) {
    this.#redis = {
      isReady,
      words: isReady ? 'Redis' : isPaused ? 'Redis: paused' : 'Redis: away',
    };
    this.#draw();
  }

  /** Something has come here. */
  came(event, { name }) {
    const from = this.#placed.get(name);
    if (!from || !this.#here) return;
    const isDirect = from === this.#here && !ORDERED.has(event);
    const stops = isDirect ? [from] : [from, REDIS, this.#here];
    const way = [...stops, { x: this.#here.x, y: TAB_Y - 8 }];
    if (this.#motion.matches) this.#move(way, from.hue, event === 'pulse');
    else this.#light(isDirect ? [this.#here] : [from, this.#here]);
  }

  #move(way, hue, isFaint) {
    if (document.hidden || this.#dots.childElementCount >= MOST_DOTS) return;
    const dot = svg('circle', { r: isFaint ? 2.5 : 5, class: isFaint ? 'dot faint' : 'dot' });
    dot.style.setProperty('--hue', hue);
    this.#dots.append(dot);
    const frames = way.map(({ x, y }) => ({ transform: `translate(${x}px, ${y}px)` }));
    const moving = dot.animate(frames, { duration: STEP_MS * (way.length - 1) });
    for (const end of ['finish', 'cancel']) moving.addEventListener(end, () => dot.remove());
  }

  /** Instead of motion. */
  #light(places) {
    for (const { edge } of places) {
      edge.classList.add('lit');
      setTimeout(() => edge.classList.remove('lit'), LIT_MS);
    }
  }

  #draw() {
    const { isReady, words } = this.#redis;
    const key = JSON.stringify([this.#instances, isReady, words]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.#placed.clear();
    this.#here = undefined;
    this.#edges.replaceChildren();
    this.#nodes.replaceChildren(...redisNode(words, isReady));
    const step = WIDTH / Math.max(this.#instances.length, 1);
    for (const [i, instance] of this.#instances.entries()) this.#place(instance, step * (i + 0.5));
    const names = this.#instances.map(
      ({ origin, isHere }) => origin.name + (isHere ? ' (this tab)' : ''),
    );
    this.#svg.setAttribute('aria-label', `${words}. Workers: ${names.join(', ') || 'none yet'}.`);
  }

  #place({ origin, state, isHere }, x) {
    const isCut = state !== 'live' || (isHere && !this.#redis.isReady);
    const edge = line(x, INSTANCES_Y - RADIUS, REDIS.x, REDIS.y + 16, isCut ? 'edge cut' : 'edge');
    const place = { x, y: INSTANCES_Y, edge, hue: hueOf(origin) };
    this.#placed.set(origin.name, place);
    this.#edges.append(edge);
    const circle = svg('circle', { cx: x, cy: INSTANCES_Y, r: RADIUS, class: `worker ${state}` });
    circle.style.setProperty('--hue', place.hue);
    const initial = text(x, INSTANCES_Y + 4, origin.name.slice(0, 1), `initial-of ${state}`);
    this.#nodes.append(circle, initial);
    if (!isHere) return;
    this.#here = place;
    this.#edges.append(line(x, INSTANCES_Y + RADIUS, x, TAB_Y - 10, 'edge'));
    const box = { x: x - 30, y: TAB_Y - 10, width: 60, height: 20, rx: 5, class: 'box' };
    this.#nodes.append(svg('rect', box), text(x, TAB_Y + 4, 'this tab', 'label'));
  }
}

function redisNode(words, isReady) {
  const width = isReady ? 84 : 108;
  const box = { x: REDIS.x - width / 2, y: REDIS.y - 16, width, height: 32, rx: 8 };
  const kind = isReady ? '' : ' away';
  return [
    svg('rect', { ...box, class: `box redis${kind}` }),
    text(REDIS.x, REDIS.y + 4, words, `label${kind}`),
  ];
}

function line(x1, y1, x2, y2, kind) {
  return svg('line', { x1, y1, x2, y2, class: kind });
}

function text(x, y, words, kind) {
  const element = svg('text', { x, y, class: kind });
  element.append(words);
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
