import { fanOut, PACED_ROOM, SATURATED_ROOM } from './fan-out.js';
import type { Scenario } from './scenario.js';

/** What a history costs: the same work in a room that has one. */
const inHistory = (name: string, title: string, room: typeof PACED_ROOM): Scenario =>
  fanOut({
    ...room,
    name,
    title,
    settings: { history: true },
    targets: ['ours', 'ours-nest11'],
    quick: ['ours'],
  });

export const historyFanOuts: readonly Scenario[] = [
  inHistory('history-saturated', 'Saturated fan-out in a room with history', SATURATED_ROOM),
  inHistory('history-paced', 'Paced fan-out in a room with history', PACED_ROOM),
];
