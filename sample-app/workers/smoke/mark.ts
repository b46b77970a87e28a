/**
 * What a message of the smoke run is called: the kind, the sending worker, and which of its copies.
 */
export interface Mark {
  kind: number;
  worker: number;
  copy: number;
}

export function markText({ kind, worker, copy }: Mark): string {
  return `${kind}.${worker}.${copy}`;
}

export function parseMark(text: string): Mark | undefined {
  const numbers = /^(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number);
  if (!numbers) return undefined;
  const [kind, worker, copy] = numbers as [number, number, number];
  return { kind, worker, copy };
}
