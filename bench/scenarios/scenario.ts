import type { Trial, TrialSetup } from './trial.js';
import type { Figures } from '../common/figures.js';

/** One kind of work, the same for all targets. */
export interface Scenario extends TrialSetup {
  readonly title: string;
  /** Those that it says something about; all if left out. */
  readonly targets?: readonly string[];
  /** Left out of a quick run, or there with fewer targets, unless the arguments name it. */
  readonly quick?: false | readonly string[];
  run(trial: Trial): Promise<Figures>;
}

/** Where the Socket.IO adapters differ in nothing that is measured, one of them stands for all. */
export const ONE_OF_A_KIND: readonly string[] = [
  'floor',
  'ours',
  'ours-nest11',
  'stock',
  'classic',
];

/** The same room for each of so many clients. */
export function oneRoom(count: number): { count: number; rooms: string[][] } {
  return { count, rooms: Array.from({ length: count }, () => ['room-0']) };
}
