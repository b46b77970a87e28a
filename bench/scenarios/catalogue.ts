import { ask } from './ask.js';
import { bursts } from './bursts.js';
import { coalescing, deflates, paced, payloads, saturated } from './fan-out.js';
import { historyFanOuts } from './history-fan-out.js';
import { historyPublishes } from './history-publish.js';
import { historyRepair } from './history-repair.js';
import { idles } from './idle.js';
import { misses } from './misses.js';
import { manyRooms } from './rooms.js';
import type { Scenario } from './scenario.js';
import { joins, reconnects } from './storms.js';
import { users } from './users.js';

export const scenarios: readonly Scenario[] = [
  saturated,
  paced,
  ...payloads,
  manyRooms,
  misses,
  users,
  ...bursts,
  ask,
  ...coalescing,
  ...deflates,
  ...idles,
  joins,
  reconnects,
  ...historyFanOuts,
  ...historyPublishes,
  historyRepair,
];
