import { ours } from './ours.target.js';
import { runParity } from './run-parity.js';

runParity(ours);
