import { compile } from './compile.js';
import { matchesIn } from './program.js';

/** So many answers are remembered: the names of rooms come again and again. */
const MAX_REMEMBERED = 10_000;

/**
 * The test of a regular expression in a time that grows with the length of the text and of the
 * expression, not exponentially as JavaScript's own may: clients choose the texts.
 *
 * @throws UnboundedError for an expression that has no such form
 */
export function linearTest(expression: RegExp): (text: string) => boolean {
  const program = compile(expression);
  const byCodePoint = expression.unicode;
  const remembered = new Map<string, boolean>();
  return (text) => {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const matches = matchesIn(program, byCodePoint ? Array.from(text) : text.split(''));
    if (remembered.size === MAX_REMEMBERED) remembered.clear();
    remembered.set(text, matches);
    return matches;
  };
}
