const FIRST_MS = 400;
const LONGEST_MS = 10_000;

/**
 * How long to wait before the attempt (1, 2, 3 …): doubling, and half of it by chance, so that the
 * many clients of an instance that went away do not all come back at one moment.
 */
export function backoff(attempt, random = Math.random) {
  const most = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  return Math.round(most / 2 + (most / 2) * random());
}
