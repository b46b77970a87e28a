import { beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_ANSWER_BYTES, PART_BYTES } from '../../../lib/cluster/requests/answer-bounds.js';
import { ResponseWriter } from '../../../lib/cluster/requests/response-writer.js';
import { decodeEnvelope } from '../../../lib/cluster/wire/envelope.js';
import { decodeControlPayload } from '../../../lib/cluster/wire/control-payload.js';

const ORIGIN = '0123456789abcdef';

describe('An answer on its way', () => {
  let sent: { fields: Record<string, unknown>; text: string }[];
  let held: number;
  let hasRoom: boolean;

  beforeEach(() => {
    sent = [];
    held = 0;
    hasRoom = true;
  });

  const stream = (allowedBytes: number, former: string[] = []): ResponseWriter =>
    new ResponseWriter({
      origin: ORIGIN,
      former,
      to: 7,
      allowedBytes,
      hasRoom: () => hasRoom,
      held: (bytes) => (held += bytes),
      publish: async (bytes) => {
        const envelope = decodeEnvelope(bytes)!;
        expect(envelope).toMatchObject({ origin: ORIGIN, sequence: 7 });
        const { fields, body } = decodeControlPayload(envelope.payload)!;
        sent.push({ fields, text: body.toString() });
        throw new Error('whatever becomes of it');
      },
    });

  it('leaves at once where it is small: what the instance says next comes behind it', () => {
    const one = stream(100);
    one.send('one', false);
    one.send('two', true);
    expect(sent).toEqual([
      { fields: { part: 0, end: true, last: false }, text: '"one"' },
      { fields: { part: 1, end: true, last: true }, text: '"two"' },
    ]);
    expect([held, one.isSent]).toEqual([0, true]);
  });

  it('leaves as far as the asker allows, and says how much waits', () => {
    const one = stream(4);
    one.send('abcdef', false);
    one.send('g', true);
    expect(sent).toEqual([{ fields: { part: 0, more: 4 }, text: '"abc' }]);
    expect([held, one.isSent]).toEqual([7, false]);
    one.allow(1, 6);
    expect(sent.slice(1)).toEqual([{ fields: { part: 1, more: 5 }, text: 'de' }]);
    one.allow(2, 100);
    expect(sent.slice(2)).toEqual([
      { fields: { part: 2, end: true, last: false, more: 3 }, text: 'f"' },
      { fields: { part: 3, end: true, last: true }, text: '"g"' },
    ]);
    expect(held).toBe(0);
  });

  it('says that something waits where the asker cannot know', () => {
    const one = stream(3);
    one.send('x', false);
    one.send('yy', true);
    expect(sent.slice(1)).toEqual([{ fields: { part: 1, more: 4 }, text: '' }]);
    one.allow(2, 7);
    expect(sent.slice(2)).toEqual([{ fields: { part: 2, end: true, last: true }, text: '"yy"' }]);
  });

  it('is cut into parts of bounded size', () => {
    stream(Infinity).send('x'.repeat(2 * PART_BYTES), true);
    expect(sent.map(({ text }) => text.length)).toEqual([PART_BYTES, PART_BYTES, 2]);
  });

  it('is sent again from where the asker has it', () => {
    const one = stream(100);
    for (const [i, what] of ['a', 'b', 'c'].entries()) one.send(what, i === 2);
    one.resume(1, 100);
    expect(sent.slice(3).map(({ text }) => text)).toEqual(['"b"', '"c"']);
    one.resume(3, 100);
    expect(sent).toHaveLength(5);
  });

  it('names the former ids of its instance once', () => {
    const one = stream(100, ['former']);
    one.send('a', false);
    one.send('b', true);
    expect(sent.map(({ fields }) => fields.former)).toEqual([['former'], undefined]);
  });

  it.each([
    ['larger than all may be', () => 'x'.repeat(MAX_ANSWER_BYTES)],
    ['for which there is no room', () => ((hasRoom = false), 'x')],
  ])('that is %s is a failure', (_, answer) => {
    const one = stream(1_000);
    one.send(answer(), false);
    one.send('never', true);
    expect(sent).toHaveLength(1);
    expect(JSON.parse(sent[0]!.text)).toMatchObject({ failed: 'ANSWER_TOO_LARGE' });
    expect(sent[0]!.fields).toMatchObject({ last: true });
    expect(held).toBe(0);
  });

  it('that nobody waits for any more holds nothing', () => {
    const one = stream(2);
    one.send('abc', false);
    one.close();
    one.send('d', true);
    one.resume(0, 100);
    expect([held, sent.length]).toEqual([0, 1]);
  });
});
