import { playTwins } from './play-twins.js';

playTwins(1, 4);
