/** What goes on, beside the results: to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** So long, for a reader. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
