/** An instance that has said goodbye may still hear for so long. */
const GOODBYE_MS = 5_000;

/**
 * Redis reports how many subscribers have heard a request. If they are more than the known
 * instances, one is in no list: it is just starting, or its lease has lapsed and it does not know
 * that yet. It answers, so it is waited for. A hearer that never answers is no instance: a
 * connection that has died unnoticed, or somebody who watches the channels. That is noticed once.
 */
export class Unlisted {
  /** By channel, how many heard and did not answer. */
  readonly #mute = new Map<string, number>();
  #leftAt: number[] = [];

  /** An instance has said goodbye. */
  left(): void {
    this.#forgetGoodbyes();
    this.#leftAt.push(performance.now());
  }

  /**
   * How many others than the expected ones have heard the request, and may answer.
   * @param heard as Redis said; undefined: it did not
   * @param expected how many are known to hear it
   */
  among(channel: string, heard: number | undefined, expected: number): number {
    if (heard === undefined) return 0;
    this.#forgetGoodbyes();
    const others = Math.max(0, heard - expected);
    const mute = Math.min(others, this.#mute.get(channel) ?? 0);
    if (mute > 0) this.#mute.set(channel, mute);
    else this.#mute.delete(channel);
    return Math.max(0, others - mute - this.#leftAt.length);
  }

  /** So many of those did not answer. */
  didNotAnswer(channel: string, count: number): void {
    this.#mute.set(channel, (this.#mute.get(channel) ?? 0) + count);
  }

  #forgetGoodbyes(): void {
    const after = performance.now() - GOODBYE_MS;
    this.#leftAt = this.#leftAt.filter((at) => at > after);
  }
}
