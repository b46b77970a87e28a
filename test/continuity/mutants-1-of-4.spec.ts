import { playMutants } from './play-mutants.js';

playMutants(0, 4);
