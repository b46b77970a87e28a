const LF = 0x0a;

/** How many values follow the head of an aggregate; by the first byte of it. */
const AGGREGATES: ReadonlyMap<number, number> = new Map([
  [0x2a, 1], // *
  [0x7e, 1], // ~
  [0x3e, 1], // >
  [0x25, 2], // %
]);
const BLOBS: ReadonlySet<number> = new Set([0x24, 0x21, 0x3d]); // $ ! =

/**
 * Cuts a stream of RESP (2 or 3, requests or replies) into whole top-level values, byte for byte:
 * what comes out, joined, is what went in. Counts bytes only; nothing is decoded.
 */
export class RespSplitter {
  #rest: Buffer = Buffer.alloc(0);
  /**
   * Where the next head of a value is looked for; behind the end of `#rest` while a blob is under
   * way.
   */
  #at = 0;
  /** How many values the one under way still lacks. */
  #missing = 1;

  /** The values that are whole now. */
  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole: Buffer[] = [];
    for (;;) {
      if (this.#at > this.#rest.length) return whole;
      if (this.#missing === 0) {
        whole.push(this.#rest.subarray(0, this.#at));
        this.#rest = this.#rest.subarray(this.#at);
        this.#at = 0;
        this.#missing = 1;
      }
      const end = this.#rest.indexOf(LF, this.#at);
      if (end < 0) return whole;
      this.#takeHead(end + 1);
    }
  }

  #takeHead(end: number): void {
    const type = this.#rest[this.#at]!;
    const count = Number(this.#rest.toString('latin1', this.#at + 1, end - 2));
    this.#missing--;
    this.#at = end;
    const perItem = AGGREGATES.get(type);
    if (perItem !== undefined) this.#missing += Math.max(0, count) * perItem;
    else if (BLOBS.has(type) && count >= 0) this.#at += count + 2;
  }
}

/**
 * The strings of an array of strings, such as a request or a pushed message; undefined for any
 * other value.
 */
export function stringsOf(value: Buffer): Buffer[] | undefined {
  if (value[0] !== 0x2a && value[0] !== 0x3e) return undefined;
  let at = value.indexOf(LF) + 1;
  const strings: Buffer[] = [];
  while (at < value.length) {
    if (value[at] !== 0x24) return undefined;
    const start = value.indexOf(LF, at) + 1;
    const length = Number(value.toString('latin1', at + 1, start - 2));
    strings.push(value.subarray(start, start + length));
    at = start + length + 2;
  }
  return strings;
}
