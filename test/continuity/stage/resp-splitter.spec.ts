import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RespSplitter, stringsOf } from './resp-splitter.js';

const crlf = (text: string) => Buffer.from(`${text}\r\n`, 'latin1');
const blob = (bytes: Uint8Array) => Buffer.concat([crlf(`$${bytes.length}`), bytes, crlf('')]);

const values = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom('+OK', '-ERR no', ':42', '$-1', '*-1', '*0', '_', '#t', ',1.5').map(crlf),
    fc.uint8Array({ maxLength: 40 }).map(blob),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((items) => Buffer.concat([crlf(`*${items.length}`), ...items])),
    fc
      .array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 })
      .map((pairs) => Buffer.concat([crlf(`%${pairs.length}`), ...pairs.flat()])),
  ),
})).value;

describe('the splitter', () => {
  it('cuts any values, however they arrive', () => {
    fc.assert(
      fc.property(
        fc.array(values, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (sent, sizes) => {
          const stream = Buffer.concat(sent);
          const splitter = new RespSplitter();
          const got: Buffer[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length]!;
            got.push(...splitter.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(got.map(String)).toEqual(sent.map(String));
        },
      ),
    );
  });

  it('reads arrays of strings, and nothing else', () => {
    const message = Buffer.concat([
      crlf('*3'),
      ...['message', 'c', 'x\r\ny'].map((text) => blob(Buffer.from(text))),
    ]);
    expect(stringsOf(message)!.map(String)).toEqual(['message', 'c', 'x\r\ny']);
    expect(stringsOf(crlf(':1'))).toBeUndefined();
    expect(stringsOf(Buffer.concat([crlf('*1'), crlf(':1')]))).toBeUndefined();
  });
});
