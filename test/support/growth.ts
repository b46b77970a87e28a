const MORE = 16;
const ROUNDS = 7;

/**
 * How much more one of many costs than one of few: about 1 for work that grows with `n`, about 16
 * for work that grows with its square. Each is the best of several rounds that take turns, so that
 * a busy machine disturbs both.
 */
export function growthOf(work: (n: number) => unknown, few: number): number {
  let [best, bestOfMany] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    // As often as it takes for both to do the same.
    best = Math.min(
      best,
      msOf(() => {
        for (let i = 0; i < MORE; i++) work(few);
      }),
    );
    bestOfMany = Math.min(
      bestOfMany,
      msOf(() => work(few * MORE)),
    );
  }
  return bestOfMany / best;
}

function msOf(act: () => unknown): number {
  const begun = performance.now();
  act();
  return performance.now() - begun;
}
