import type { ScenarioGroup } from '../scenario.js';
import { addresses } from './addresses.js';
import { answers } from './answers.js';
import { connections } from './connections.js';
import { leftToNest } from './left-to-nest.js';
import { clientMembers } from './client-members.js';
import { serverMembers } from './server-members.js';
import { messages } from './messages.js';
import { pipeline } from './pipeline.js';
import { requestScope } from './request-scope.js';
import { servers } from './servers.js';

/** The parity table: what an adapter for Nest should do, and where the stock one does not. */
export const PARITY_TABLE: readonly ScenarioGroup[] = [
  addresses,
  messages,
  clientMembers,
  serverMembers,
  pipeline,
  answers,
  connections,
  requestScope,
  servers,
  leftToNest,
];
