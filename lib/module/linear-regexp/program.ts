/** Whether an instruction takes a character: a UTF-16 unit, or with the flag `u` a code point. */
export type Takes = (character: string) => boolean;

/** Whether a condition holds before the character at an index. */
export type Holds = (characters: readonly string[], at: number) => boolean;

/** An instruction of a compiled expression. Numbers are indices of instructions. */
export type Instruction =
  | { readonly op: 'take'; readonly takes: Takes; readonly next: number }
  | { readonly op: 'either'; readonly ways: readonly number[] }
  | { readonly op: 'hold'; readonly holds: Holds; readonly next: number }
  | { readonly op: 'look'; readonly ahead: Program; readonly negative: boolean; next: number }
  | { readonly op: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly start: number;
}

/** Whether the program matches anywhere in the characters. */
export function matchesIn(program: Program, characters: readonly string[]): boolean {
  return matchesFrom(program, characters).includes(1);
}

/**
 * For each position, 1 if the program matches from there. Goes from the end to the beginning and
 * finds at each position all instructions from which the end of the program can be reached, so no
 * instruction is looked at twice at one position: the time is bounded by the length of the program
 * times that of the text, whatever the expression is.
 */
function matchesFrom(program: Program, characters: readonly string[]): Uint8Array {
  const { instructions, start } = program;
  const { before, takers, ends } = linksOf(program);
  const ahead = new Map<number, Uint8Array>();
  for (const [at, one] of instructions.entries())
    if (one.op === 'look') ahead.set(at, matchesFrom(one.ahead, characters));
  const result = new Uint8Array(characters.length + 1);
  let reachable = new Uint8Array(instructions.length);
  for (let position = characters.length; position >= 0; position--) {
    const later = reachable;
    reachable = new Uint8Array(instructions.length);
    const found = [...ends];
    for (const at of takers) {
      const one = instructions[at] as Instruction & { op: 'take' };
      if (later[one.next] === 1 && one.takes(characters[position]!)) found.push(at);
    }
    while (found.length > 0) {
      const at = found.pop()!;
      if (reachable[at] === 1) continue;
      reachable[at] = 1;
      for (const other of before[at]!) {
        const one = instructions[other]!;
        const passes =
          one.op === 'either' ||
          (one.op === 'hold' && one.holds(characters, position)) ||
          (one.op === 'look' && (ahead.get(other)![position] === 1) !== one.negative);
        if (passes) found.push(other);
      }
    }
    result[position] = reachable[start]!;
  }
  return result;
}

interface Links {
  /** By instruction: those that lead to it and take no character. */
  readonly before: readonly (readonly number[])[];
  readonly takers: readonly number[];
  readonly ends: readonly number[];
}

const known = new WeakMap<Program, Links>();

function linksOf(program: Program): Links {
  const present = known.get(program);
  if (present) return present;
  const before: number[][] = program.instructions.map(() => []);
  const takers: number[] = [];
  const ends: number[] = [];
  for (const [at, one] of program.instructions.entries()) {
    if (one.op === 'take') takers.push(at);
    else if (one.op === 'match') ends.push(at);
    else if (one.op === 'either') for (const way of one.ways) before[way]!.push(at);
    else before[one.next]!.push(at);
  }
  const links = { before, takers, ends };
  known.set(program, links);
  return links;
}
