import { fanOut, PACED_ROOM, SATURATED_ROOM } from './fan-out.js';
import type { Scenario } from './scenario.js';

/** What a history costs: the same work in a room that has one. */
const inHistory = (
  name: string,
  title: string,
  room: typeof PACED_ROOM,
  quick: Scenario['quick'],
): Scenario =>
  fanOut({
    ...room,
    name,
    title,
    settings: { history: true },
    targets: ['ours', 'ours-nest11'],
    quick,
  });

export const historyFanOuts: readonly Scenario[] = [
  inHistory('history-saturated', 'Saturated fan-out in a room with history', SATURATED_ROOM, [
    'ours',
  ]),
  inHistory('history-paced', 'Paced fan-out in a room with history', PACED_ROOM, false),
];
