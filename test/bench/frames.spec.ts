import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { clientFrame, FrameReader, PING, TEXT } from '../../bench/driver/frames.js';
import { Frame } from '../../lib/hub/frame.js';

interface Seen {
  readonly opcode: number;
  readonly text: string;
  readonly length: number;
}

function read(chunks: readonly Buffer[], peek = Infinity): Seen[] {
  const seen: Seen[] = [];
  const reader = new FrameReader({
    peek,
    frame: (opcode, bytes, at, length) =>
      seen.push({ opcode, length, text: bytes.toString('utf8', at, at + Math.min(length, peek)) }),
  });
  for (const chunk of chunks) reader.read(chunk);
  return seen;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

const wireOf = (text: string): Buffer => Buffer.concat([...Frame.text(text).wire]);

describe("the clients' reader of frames", () => {
  it('finds each frame, however the bytes are cut', () => {
    const texts = fc.array(
      fc.oneof(fc.string(), fc.constantFrom('x'.repeat(125), 'y'.repeat(126), 'z'.repeat(70_000))),
      { maxLength: 6 },
    );
    const sizes = fc.array(fc.nat(200), { maxLength: 30 });
    fc.assert(
      fc.property(texts, sizes, fc.constantFrom(0, 2, Infinity), (sent, at, peek) => {
        const seen = read(cut(Buffer.concat(sent.map(wireOf)), at), peek);
        expect(seen.map(({ length }) => length)).toEqual(sent.map((one) => Buffer.byteLength(one)));
        if (peek === Infinity) expect(seen.map(({ text }) => text)).toEqual(sent);
      }),
    );
  });

  it('is given control frames whole, whatever it looks at', () => {
    const ping = Buffer.from([0x80 | PING, 4, ...Buffer.from('beat')]);
    expect(read(cut(ping, [1, 2]), 0)).toEqual([{ opcode: PING, length: 4, text: '' }]);
  });

  it.each([0, 125, 126, 65_535, 65_536])('writes a masked frame of %i bytes', (length) => {
    const frame = clientFrame('x'.repeat(length));
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect(frame[0]).toBe(0x80 | TEXT);
    expect(frame[1]! & 0x80).toBe(0x80);
    expect(frame.length).toBe(header + 4 + length);
    expect(frame.subarray(header, header + 4)).toEqual(Buffer.alloc(4));
    // Unmasked by a mask of 0, it reads as a server's frame does.
    const unmasked = Buffer.concat([frame.subarray(0, header), frame.subarray(header + 4)]);
    unmasked[1]! &= 0x7f;
    expect(read([unmasked])).toEqual([{ opcode: TEXT, length, text: 'x'.repeat(length) }]);
  });
});
