import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  EnvelopeKind,
} from '../../../lib/cluster/wire/envelope.js';
import { newInstanceId } from '../../../lib/cluster/wire/instance-id.js';
import { mutants, OUTSIDE, withinOutside } from '../mutants.js';

const ENVELOPE: Envelope = {
  kind: EnvelopeKind.broadcast,
  origin: '0123456789abcdef',
  sequence: 7,
  binary: false,
  mayRepeat: false,
  volatile: false,
  compress: true,
  target: Buffer.from([1, 0, 1, 97]),
  payload: Buffer.from('{"event":"said","data":1}'),
};

const HEADER_BYTES = 30;

const anyEnvelope: fc.Arbitrary<Envelope> = fc.record({
  kind: fc.constantFrom(...Object.values(EnvelopeKind)),
  origin: fc.constantFrom(newInstanceId(), newInstanceId()),
  sequence: fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32, 2 ** 48 - 1)),
  binary: fc.constant(true),
  mayRepeat: fc.boolean(),
  volatile: fc.boolean(),
  compress: fc.boolean(),
  target: bytes(100),
  payload: bytes(1_000),
});

function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
}

describe('an envelope', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyEnvelope, fc.string({ unit: 'grapheme' }), (envelope, text) => {
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
        const ofText = { ...envelope, binary: false, payload: Buffer.from(text) };
        expect(decodeEnvelope(withinOutside(encodeEnvelope(ofText)))).toEqual(ofText);
      }),
      { numRuns: 300 },
    );
  });

  it('looks the same in every release of its version', () => {
    expect(encodeEnvelope(ENVELOPE).toString('latin1')).toBe(
      '\x01\x01\x00\x00' +
        '0123456789abcdef' +
        '\x00\x00\x00\x00\x00\x07' +
        '\x00\x00\x00\x04' +
        '\x01\x00\x01a' +
        '{"event":"said","data":1}',
    );
    const flagged = { ...ENVELOPE, binary: true, mayRepeat: true, volatile: true, compress: false };
    expect(encodeEnvelope({ ...flagged, kind: EnvelopeKind.probe }).subarray(0, 4)).toEqual(
      Buffer.from([1, 2, 15, 0]),
    );
  });

  it('is not copied when it is read', () => {
    const encoded = encodeEnvelope(ENVELOPE);
    const { payload, target } = decodeEnvelope(encoded)!;
    expect(payload.buffer).toBe(encoded.buffer);
    expect(target.buffer).toBe(encoded.buffer);
  });

  const changed = (change: (bytes: Buffer) => Buffer | void): Buffer => {
    const encoded = encodeEnvelope(ENVELOPE);
    return change(encoded) ?? encoded;
  };

  it.each<[string, Buffer]>([
    ['of a version before', changed((b) => void (b[0] = 0))],
    ['of a version to come', changed((b) => void (b[0] = 3))],
    ['of another kind', changed((b) => void (b[1] = 99))],
    ['of no kind', changed((b) => void (b[1] = 0))],
    ['with a flag to come', changed((b) => void (b[2] = 16))],
    ['with something where nothing is yet', changed((b) => void (b[3] = 1))],
    ['that ends in its header', changed((b) => b.subarray(0, HEADER_BYTES - 1))],
    ['that ends in its target', changed((b) => b.subarray(0, HEADER_BYTES + 3))],
    ['that is empty', Buffer.alloc(0)],
    [
      'with a target that is longer than all of it',
      changed((b) => void b.writeUInt32BE(b.length - HEADER_BYTES + 1, 26)),
    ],
    ['with a target of 4 GiB', changed((b) => void b.writeUInt32BE(2 ** 32 - 1, 26))],
    ['of text that is not UTF-8', changed((b) => void (b[b.length - 1] = 0xff))],
    ['of text that is cut in a character', changed((b) => void (b[b.length - 1] = 0xc3))],
  ])('%s is none', (_, bytes) => {
    expect(decodeEnvelope(bytes)).toBeUndefined();
    expect(decodeEnvelope(withinOutside(bytes))).toBeUndefined();
  });

  it('may be all target, or have neither target nor payload', () => {
    const all = changed((b) => void b.writeUInt32BE(b.length - HEADER_BYTES, 26));
    expect(decodeEnvelope(all)).toMatchObject({ payload: Buffer.alloc(0) });
    const nothing = { ...ENVELOPE, target: Buffer.alloc(0), payload: Buffer.alloc(0) };
    expect(decodeEnvelope(encodeEnvelope(nothing))).toEqual(nothing);
  });

  it('is read without a throw and without a look outside, whatever the bytes are', () => {
    let read = 0;
    for (const bytes of mutants(encodeEnvelope(ENVELOPE), 100_000)) {
      const envelope = decodeEnvelope(withinOutside(bytes));
      if (!envelope) continue;
      read++;
      const { origin, target, payload } = envelope;
      const text = origin + target.toString('latin1') + payload.toString('latin1');
      const whole = HEADER_BYTES + target.length + payload.length === bytes.length;
      if (!whole || text.includes(OUTSIDE)) throw new Error(`Misread ${bytes.toString('hex')}`);
    }
    expect(read).toBeGreaterThan(1_000);
  });
});
