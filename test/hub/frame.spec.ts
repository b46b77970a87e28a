import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { Frame } from '../../lib/hub/frame.js';

// Exported by ws, and not by its types.
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; skipUTF8Validation: boolean }) => Writable;
};

interface Read {
  data: Buffer;
  binary: boolean;
}

/** What a client of `ws` reads out of the bytes. */
async function read(bytes: Buffer, messages = 1): Promise<Read[]> {
  // In the place of a client, which refuses masked frames.
  const receiver = new Receiver({ isServer: false, skipUTF8Validation: false });
  const heard: Read[] = [];
  receiver.on('message', (data: Buffer, binary: boolean) => heard.push({ data, binary }));
  const failed = once(receiver, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => {});
  const ended = new Promise<void>((resolve) => receiver.end(bytes, resolve));
  await Promise.race([ended, failed]);
  while (heard.length < messages) {
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), failed]);
  }
  return heard;
}

describe('a frame', () => {
  const SIZES = [0, 1, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 1024 * 1024];

  it.each(SIZES)('of %i bytes is read as it was meant', async (size) => {
    for (const binary of [true, false]) {
      const payload = Buffer.alloc(size, 'text that repeats');
      const wire = Buffer.concat([...new Frame(payload, binary).wire]);
      const [message] = await read(wire);
      expect(message!.binary).toBe(binary);
      expect(message!.data.equals(payload)).toBe(true);
      const header = size < 126 ? 2 : size < 65_536 ? 4 : 10;
      expect(wire).toHaveLength(header + size);
    }
  });

  it('ends where the next begins', async () => {
    const frames = SIZES.map((size) => new Frame(Buffer.alloc(size, 1), true));
    const heard = await read(Buffer.concat(frames.flatMap(({ wire }) => [...wire])), SIZES.length);
    expect(heard.map(({ data }) => data.length)).toEqual(SIZES);
  });

  it('is encoded once, and shares its payload where that is large', () => {
    const small = Frame.text('x');
    expect(small.wire).toBe(small.wire);
    expect(small.wire).toHaveLength(1);
    const large = new Frame(Buffer.alloc(100_000), false);
    expect(large.wire).toHaveLength(2);
    expect(large.wire[1]).toBe(large.payload);
  });

  it('of text is UTF-8', async () => {
    const [message] = await read(Buffer.concat([...Frame.text('é🚀\u2028').wire]));
    expect(message).toEqual({ data: Buffer.from('é🚀\u2028'), binary: false });
  });
});
