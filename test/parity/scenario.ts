import type { World } from './world.js';

/**
 * One row of the parity table: something that Nest's users expect of a WebSocket adapter, and how
 * the stock adapter does on it.
 */
export interface Scenario {
  /** What an adapter should do, as a sentence without a subject. */
  title: string;
  /**
   * - `'same'`: both do it.
   * - `differs`: the stock adapter does that instead, as its own `run` shows. Ours does what the
   *   title says.
   */
  stock: 'same' | { differs: string; run: (world: World) => Promise<void> };
  /** The first major of Nest whose gateways know of it at all, if that is not the oldest one. */
  since?: number;
  /** Shows that the target does it. */
  run: (world: World) => Promise<void>;
}

/** Rows of one theme. */
export interface ScenarioGroup {
  theme: string;
  scenarios: Scenario[];
}
