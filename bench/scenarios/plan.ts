import type { Target } from '../common/target.js';
import type { Scenario } from './scenario.js';

export interface Plan {
  readonly quick: boolean;
  /** Quick, and nothing named: each scenario with its most telling targets only. */
  readonly abridged: boolean;
  readonly rounds: number;
  readonly scenarios: readonly Scenario[];
  readonly targets: readonly Target[];
  readonly profiles: string | undefined;
  /** Whether everything is measured that there is, at full size. */
  readonly complete: boolean;
}
