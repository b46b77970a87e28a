import { playMutants } from './play-mutants.js';

playMutants(3, 4);
