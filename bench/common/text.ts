const WORDS =
  'order shipped price changed lobby player moved north score ticket opened reply waiting train delayed platform seven'.split(
    ' ',
  );

/** Text of this length that compresses about as well as text does. The same each time. */
export function textOf(length: number): string {
  let text = '';
  for (let state = 1; text.length < length;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += `${WORDS[(state >>> 16) % WORDS.length]} ${(state >>> 8) % 1_000} `;
  }
  return text.slice(0, length);
}
