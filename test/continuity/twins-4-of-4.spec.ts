import { playTwins } from './play-twins.js';

playTwins(3, 4);
