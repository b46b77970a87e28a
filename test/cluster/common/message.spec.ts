import { describe, expect, it } from '@jest/globals';
import { eventFrame, rawFrame } from '../../../lib/cluster/common/message.js';

const textOf = (event: string, data?: unknown) => eventFrame(event, data).payload.toString();

describe('an event as clients read it', () => {
  it.each<[string, unknown, string]>([
    ['a', 1, '{"event":"a","data":1}'],
    ['a', undefined, '{"event":"a"}'],
    ['a', null, '{"event":"a","data":null}'],
    ['a', '', '{"event":"a","data":""}'],
    ['a"\n', 'é🚀', '{"event":"a\\"\\n","data":"é🚀"}'],
    ['a', { b: [undefined, NaN], c: undefined }, '{"event":"a","data":{"b":[null,null]}}'],
    ['a', new Date(0), '{"event":"a","data":"1970-01-01T00:00:00.000Z"}'],
    ['a', { toJSON: () => 7 }, '{"event":"a","data":7}'],
    ['a$', 1, '{"event":"a$","data":1}'],
    ['__proto__', 1, '{"event":"__proto__","data":1}'],
  ])('%j with %j', (event, data, text) => {
    const frame = eventFrame(event, data);
    expect(frame.payload.toString()).toBe(text);
    expect(frame.binary).toBe(false);
  });

  it.each<[string, unknown, RegExp]>([
    ['empty', '', /^An event must be a non-empty string, got an empty string\.$/],
    ['a number', 7, /^An event must be a non-empty string, got the number 7\.$/],
    ['undefined', undefined, /non-empty string, got undefined/],
    ['null', null, /non-empty string, got null\.$/],
    ['an object', {}, /non-empty string, got an object of Object/],
    ['a symbol', Symbol('s'), /non-empty string, got the symbol Symbol/],
    ['reserved', '$join', /^The event "\$join" starts with "\$", which is reserved/],
    ['just the sign', '$', /reserved/],
  ])('may not be %s', (_, event, message) => {
    const attempt = () => eventFrame(event as string, 1);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(message);
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;

  it.each<[string, unknown, RegExp]>([
    ['a BigInt', { deep: [1n] }, /data of "e" cannot be written as JSON: .*BigInt.*no BigInt/],
    ['a cycle', cycle, /data of "e" cannot be written as JSON: Converting circular.*no cycles/],
    ['a function', () => 1, /data of "e" is a function, which JSON cannot hold/],
    ['a symbol', Symbol('s'), /data of "e" is the symbol .*which JSON cannot hold/],
    ['what its toJSON makes nothing of', { toJSON: () => undefined }, /JSON cannot hold/],
    [
      'what its toJSON throws at',
      {
        toJSON: () => {
          throw new Error('not today');
        },
      },
      /not today/,
    ],
  ])('cannot hold %s', (_, data, message) => {
    const attempt = () => textOf('e', data);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(message);
  });
});

describe('a raw frame', () => {
  it('is text for a string, bytes for bytes', () => {
    expect(rawFrame('é')).toMatchObject({ payload: Buffer.from('é'), binary: false });
    const bytes = Uint8Array.from([1, 2, 3, 4]);
    const expected = { payload: Buffer.from([3, 4]), binary: true };
    expect(rawFrame(bytes.subarray(2))).toMatchObject(expected);
    expect(rawFrame(new DataView(bytes.buffer, 2))).toMatchObject(expected);
    expect(rawFrame(bytes.buffer.slice(2))).toMatchObject(expected);
    expect(rawFrame(Buffer.from([3, 4]))).toMatchObject(expected);
  });

  it('is a copy: the caller may use the bytes again', () => {
    for (const bytes of [Buffer.from('abc'), Uint8Array.from([97, 98, 99])]) {
      const frame = rawFrame(bytes);
      bytes.fill(0);
      expect(frame.payload.toString()).toBe('abc');
    }
    const { buffer } = Uint8Array.from([97]);
    const frame = rawFrame(buffer);
    new Uint8Array(buffer).fill(0);
    expect(frame.payload.toString()).toBe('a');
  });

  it.each([undefined, null, 7, {}, [1, 2], { type: 'Buffer', data: [1] }, { length: 3 }])(
    'cannot be %j',
    (raw) => {
      const attempt = () => rawFrame(raw as unknown as string);
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(/^send\(\) takes a string .* Use emit\(\)/);
    },
  );
});
