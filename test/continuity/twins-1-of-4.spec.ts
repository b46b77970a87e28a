import { playTwins } from './play-twins.js';

playTwins(0, 4);
