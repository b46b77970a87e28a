import { playMutants } from './play-mutants.js';

playMutants(1, 4);
