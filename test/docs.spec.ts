import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { HISTORY_MUTANTS } from './continuity/mutants.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Without its blocks of code. */
function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8').replaceAll(/^```.*?^```/gms, '');
}

/**
 * The paths below `test/` that a text names in backticks. A bare name of a test is in the folder of
 * the path before it, in the same cell of a table, or in the same line.
 */
function namedTests(text: string): string[] {
  const paths: string[] = [];
  for (const line of text.split('\n')) {
    for (const cell of line.startsWith('|') ? line.split('|') : [line]) {
      let folder = '';
      for (const [, code] of cell.matchAll(/`([^`]+)`/g)) {
        if (/^test\/[\w./-]*$/.test(code!)) {
          paths.push(code!);
          folder = code!.endsWith('/') ? code! : dirname(code!);
        } else if (/^[\w-]+\.spec\.ts$/.test(code!) || (folder && /^[\w.-]+\.ts$/.test(code!))) {
          paths.push(join(folder, code!));
        }
      }
    }
  }
  return paths;
}

/** Where the links of a text lead, but for those that leave the repository. */
function linkTargets(text: string): string[] {
  return [...text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(\s*([^)\s]+)[^)]*\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/** What GitHub calls the headings of a document in a link. */
function anchors(document: string): string[] {
  return [...read(document).matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function leadsNowhere(from: string, target: string): boolean {
  const [path, anchor] = target.split('#', 2) as [string, string?];
  const document = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, document))) return true;
  return anchor !== undefined && !anchors(document).includes(anchor);
}

/** Pages whose TypeScript is shown as it is tested, or at least compiled. */
const TESTED_PAGES = ['docs/testing.md', 'docs/browsers.md', 'docs/deploying.md'];
const TESTED_CODE = join(ROOT, 'test/docs');

/** However it is broken into lines. */
function withoutLayout(code: string): string {
  return code.replaceAll(/\s+/g, '').replaceAll(/,(?=[)\]}])/g, '');
}

function codeBlocks(document: string): string[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!);
}

describe('the documents', () => {
  it.each(TESTED_PAGES)(
    '%s shows code that is compiled here, and run where it is a test',
    (page) => {
      const sources = readdirSync(TESTED_CODE).map((name) =>
        withoutLayout(readFileSync(join(TESTED_CODE, name), 'utf8')),
      );
      const blocks = codeBlocks(page);
      expect(blocks.length).toBeGreaterThan(0);
      const strange = blocks.filter(
        (block) => !sources.some((source) => source.includes(withoutLayout(block))),
      );
      expect(strange).toEqual([]);
    },
  );

  it.each(DOCUMENTS)('%s names tests that are there', (document) => {
    const missing = namedTests(read(document)).filter((path) => !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  it.each(DOCUMENTS)('%s has links that lead somewhere', (document) => {
    const dead = linkTargets(read(document)).filter((target) => leadsNowhere(document, target));
    expect(dead).toEqual([]);
  });

  it('name every mutant next to the promise that its safeguard keeps', () => {
    const named = [
      ...read('docs/guarantees.md').matchAll(/mutants? ("[^"]+"(?:, "[^"]+")*)/g),
    ].flatMap(([, names]) => [...names!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!));
    expect(named.sort()).toEqual(HISTORY_MUTANTS.map(({ lacks }) => lacks).sort());
  });

  it('are read as they are meant', () => {
    const row = '| `lib/a.ts` | `test/a/b.spec.ts`, `c.spec.ts`; `d.ts`, `test/e/` | `f.spec.ts` |';
    expect(namedTests(`${row}\n\`g.ts\`, by \`npm test -- test/x\``)).toEqual([
      'test/a/b.spec.ts',
      'test/a/c.spec.ts',
      'test/a/d.ts',
      'test/e/',
      'f.spec.ts',
    ]);
    expect(linkTargets('[a](b.md#c), ![d](e.png "f"), [g](https://h), `[i](j)`')).toEqual([
      'b.md#c',
      'e.png',
    ]);
    expect(leadsNowhere('docs/history.md', 'guarantees.md#rooms-with-history')).toBe(false);
    expect(leadsNowhere('docs/history.md', 'guarantees.md#no-such-heading')).toBe(true);
    expect(namedTests(read('docs/guarantees.md')).length).toBeGreaterThan(50);
  });
});
