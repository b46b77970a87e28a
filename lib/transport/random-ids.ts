import { randomBytes } from 'node:crypto';

import { LOG_NAME_BYTES } from './log-entry.js';

const NAMES_A_DRAW = 512;

/** Random epochs and tags: eight URL-safe characters, 48 bits, drawn in bulk. */
export class RandomIds {
  #pool = '';
  #at = 0;

  next(): string {
    if (this.#at === this.#pool.length) {
      this.#pool = randomBytes((NAMES_A_DRAW * LOG_NAME_BYTES * 6) / 8).toString('base64url');
      this.#at = 0;
    }
    return this.#pool.slice(this.#at, (this.#at += LOG_NAME_BYTES));
  }
}
