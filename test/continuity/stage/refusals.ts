/** When Redis refused something, in ms since 1970: then nobody could be told where a log stood. */
export class Refusals {
  readonly #times: { readonly from: number; to: number }[] = [];

  /** Redis begins to refuse. Answers with what is to be called when it has ended. */
  begin(): () => void {
    const time = { from: Date.now(), to: Infinity };
    this.#times.push(time);
    return () => (time.to = Date.now());
  }

  /** Whether Redis refused something in that time. */
  wereIn(from: number, to: number): boolean {
    return this.#times.some((time) => time.from <= to && time.to >= from);
  }
}
