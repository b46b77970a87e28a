import { it } from '@jest/globals';
import { runParity } from './run-parity.js';
import { stock } from './stock.target.js';
import { NEST_MAJOR } from './target.js';

// What the table says about the stock adapter is said about the one of Nest 12.
if (NEST_MAJOR >= 12) runParity(stock);
else it.skip('compares with the stock adapter of Nest 12 only', () => {});
