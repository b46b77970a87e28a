import type { Holds, Instruction, Program, Takes } from './program.js';

/** So many steps a character at most: milliseconds for the longest name. */
const MAX_INSTRUCTIONS = 1_000;
const MAX_REPETITIONS = 10_000;

/**
 * There is no form of the expression whose time is bounded, or it is too large. The message says
 * which part of it.
 */
export class UnboundedError extends Error {}

/**
 * Adds its instructions to a program, to go on with the one at `next`. Answers with the first of
 * them.
 */
type Part = (builder: Builder, next: number) => number;

const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y;
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[a-zA-Z]|[^])/y;
const ESCAPE_OF_CODE_POINT =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[pP]\{[^}]*\}|c[a-zA-Z]|[^])/y;
const NAMED_GROUP = /\(\?<[^=!][^>]*>/y;
const LINE_END = /^[\n\r\u2028\u2029]$/;

/**
 * Compiles the source of an expression that JavaScript has accepted. It tells only whether there is
 * a match, and captures nothing.
 *
 * @throws UnboundedError for back-references, looks behind, modifiers, the flag `v`, and what is
 * too large
 */
export function compile({ source, flags }: RegExp): Program {
  if (flags.includes('v')) throw new UnboundedError('the flag "v"');
  return new Builder().program(new Parser(source, flags).integer());
}

class Builder {
  readonly instructions: Instruction[] = [];
  readonly #parent: Builder | undefined;
  #size = 0;

  constructor(parent?: Builder) {
    this.#parent = parent;
  }

  program(part: Part): Program {
    const start = part(this, this.add({ op: 'match' }));
    return { instructions: this.instructions, start };
  }

  add(instruction: Instruction): number {
    this.#grow();
    return this.instructions.push(instruction) - 1;
  }

  #grow(): void {
    if (++this.#size > MAX_INSTRUCTIONS) throw new UnboundedError('its size');
    if (this.#parent) this.#parent.#grow();
  }
}

class Parser {
  readonly #source: string;
  readonly #byCodePoint: boolean;
  readonly #multiline: boolean;
  readonly #ignoresCase: boolean;
  /** Of the expressions for one character. */
  readonly #flags: string;
  #at = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#byCodePoint = flags.includes('u');
    this.#multiline = flags.includes('m');
    this.#ignoresCase = flags.includes('i');
    this.#flags = flags.replace(/[^ius]/g, '');
  }

  integer(): Part {
    return this.#alternatives();
  }

  #alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#skip('|')) parts.push(this.#sequence());
    if (parts.length === 1) return parts[0]!;
    return (builder, next) =>
      builder.add({ op: 'either', ways: parts.map((part) => part(builder, next)) });
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!))
      parts.push(this.#quantified(this.#term()));
    return (builder, next) => parts.reduceRight((to, part) => part(builder, to), next);
  }

  #quantified(part: Part): Part {
    const found = this.#take(QUANTIFIER);
    if (!found) return part;
    const [, sign, min, comma, max] = found;
    if (sign === '*') return many(part, 0);
    if (sign === '+') return many(part, 1);
    if (sign === '?') return upTo(part, 0, 1);
    if (!comma) return upTo(part, Number(min), Number(min));
    return max === '' ? many(part, Number(min)) : upTo(part, Number(min), Number(max));
  }

  #term(): Part {
    const { [this.#at]: character } = this.#source;
    if (character === '^' && this.#skip('^'))
      return holding((all, at) => this.#isLineStart(all, at));
    if (character === '$' && this.#skip('$')) return holding((all, at) => this.#isLineEnd(all, at));
    if (character === '(') return this.#group();
    if (character === '\\') return this.#escape();
    if (character === '[') return taking(this.#native(this.#class()));
    if (character === '.' && this.#skip('.')) return taking(this.#native('.'));
    return taking(this.#literal());
  }

  #group(): Part {
    if (this.#skip('(?=')) return this.#look(false);
    if (this.#skip('(?!')) return this.#look(true);
    if (!this.#skip('(?:') && !this.#take(NAMED_GROUP)) {
      this.#skip('(');
      if (this.#source.startsWith('?<', this.#at)) throw new UnboundedError('a look behind');
      if (this.#source[this.#at] === '?') throw new UnboundedError('a modifier');
    }
    const part = this.#alternatives();
    this.#skip(')');
    return part;
  }

  #look(negative: boolean): Part {
    const part = this.#alternatives();
    this.#skip(')');
    return (builder, next) =>
      builder.add({ op: 'look', ahead: new Builder(builder).program(part), negative, next });
  }

  #escape(): Part {
    if (this.#skip('\\b')) return holding((all, at) => this.#isWordEdge(all, at));
    if (this.#skip('\\B')) return holding((all, at) => !this.#isWordEdge(all, at));
    const [escape] = this.#take(this.#byCodePoint ? ESCAPE_OF_CODE_POINT : ESCAPE)!;
    const after = this.#source[this.#at] ?? '';
    if (/^\\[1-9k]/.test(escape)) throw new UnboundedError('a back-reference');
    if (escape === '\\c' || (escape === '\\0' && /\d/.test(after)))
      throw new UnboundedError('an old escape');
    return taking(this.#native(escape));
  }

  #class(): string {
    const from = this.#at;
    this.#at += this.#source.startsWith('[^', from) ? 2 : 1;
    while (this.#source[this.#at] !== ']') this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    return this.#source.slice(from, this.#at);
  }

  #literal(): Takes {
    const code = this.#byCodePoint
      ? this.#source.codePointAt(this.#at)!
      : this.#source.charCodeAt(this.#at);
    const literal = String.fromCodePoint(code);
    this.#at += literal.length;
    if (!this.#ignoresCase) return (character) => character === literal;
    const hex = code.toString(16);
    return this.#native(this.#byCodePoint ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`);
  }

  /** The answer of JavaScript's own RegExp for one character. */
  #native(source: string): Takes {
    const expression = new RegExp(`^(?:${source})$`, this.#flags);
    return (character) => expression.test(character);
  }

  #isLineStart(all: readonly string[], at: number): boolean {
    return at === 0 || (this.#multiline && LINE_END.test(all[at - 1]!));
  }

  #isLineEnd(all: readonly string[], at: number): boolean {
    return at === all.length || (this.#multiline && LINE_END.test(all[at]!));
  }

  #isWordEdge(all: readonly string[], at: number): boolean {
    const isWord = this.#native('\\w');
    return (at > 0 && isWord(all[at - 1]!)) !== (at < all.length && isWord(all[at]!));
  }

  #skip(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#source);
    if (!found) return undefined;
    this.#at += found[0].length;
    return found;
  }
}

function taking(takes: Takes): Part {
  return (builder, next) => builder.add({ op: 'take', takes, next });
}

function holding(holds: Holds): Part {
  return (builder, next) => builder.add({ op: 'hold', holds, next });
}

function many(part: Part, min: number): Part {
  return (builder, next) => {
    const ways: number[] = [];
    const loop = builder.add({ op: 'either', ways });
    const again = part(builder, loop);
    ways.push(again, next);
    return min === 0 ? loop : repeat(part, min - 1, builder, again);
  };
}

function upTo(part: Part, min: number, max: number): Part {
  if (max - min > MAX_REPETITIONS) throw new UnboundedError('its size');
  return (builder, next) => {
    let first = next;
    for (let more = min; more < max; more++)
      first = builder.add({ op: 'either', ways: [part(builder, first), next] });
    return repeat(part, min, builder, first);
  };
}

function repeat(part: Part, times: number, builder: Builder, next: number): number {
  if (times > MAX_REPETITIONS) throw new UnboundedError('its size');
  let first = next;
  for (let more = 0; more < times; more++) first = part(builder, first);
  return first;
}
