import { playTwins } from './play-twins.js';

playTwins(2, 4);
