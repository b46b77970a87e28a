import { playMutants } from './play-mutants.js';

playMutants(2, 4);
