const MAX_STRINGS = 1_000;
/** Enough for all headers that browsers have in common. */
const MAX_LENGTH = 4_096;

/**
 * Keeps one copy of what many connections have in common, such as the name of a browser. Bounded:
 * what is beyond is not shared.
 */
export class StringPool {
  readonly #strings = new Map<string, string>();

  /** The same text, in the copy that others have. */
  share(text: string): string {
    if (text.length > MAX_LENGTH) return text;
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    // Shared strings stay with their holders; the next one begins anew.
    if (this.#strings.size === MAX_STRINGS) this.#strings.clear();
    this.#strings.set(text, text);
    return text;
  }
}
