import { el } from './dom.js';

const GOLDEN_ANGLE = 137.508;

/** Neighbouring workers get hues far apart. */
export function hueOf({ number }) {
  return Math.round((number * GOLDEN_ANGLE) % 360);
}

/** An instance by its colour, its initial and its name. */
export function instanceChip(origin) {
  const initial = el('span', { className: 'initial' }, origin.name.slice(0, 1));
  initial.setAttribute('aria-hidden', 'true');
  const chip = el(
    'span',
    { className: 'chip', title: `Process ${origin.pid}` },
    initial,
    origin.name,
  );
  chip.style.setProperty('--hue', hueOf(origin));
  return chip;
}
