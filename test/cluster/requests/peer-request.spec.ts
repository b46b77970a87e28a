import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeEnvelope, encodeControl, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import { recordIn } from '../../../lib/cluster/membership/instance-record.js';
import {
  decodeControlPayload,
  encodeControlPayload,
} from '../../../lib/cluster/wire/control-payload.js';
import {
  decodePeerRequest,
  encodePeerRequest,
  type PeerRequest,
} from '../../../lib/cluster/requests/peer-request.js';
import { EVERYONE, extend } from '../../../lib/hub/target.js';

const QUESTION: PeerRequest = {
  operation: 'join',
  hub: '/chat – é',
  target: extend(EVERYONE, 'rooms', ['r']),
  delivery: { volatile: true, compress: false },
  timeoutMs: 5_000,
  args: { rooms: ['a', 'b'] },
  id: 'origin.7',
  body: Buffer.from('{"event":"é"}'),
  taken: 3,
  allowedBytes: 4_096,
};

const arrived = (payload: Buffer, target = encodePeerRequest(QUESTION).target) =>
  decodeEnvelope(
    encodeControl({
      kind: EnvelopeKind.request,
      origin: '0123456789abcdef',
      sequence: 7,
      ...QUESTION.delivery,
      target,
      payload,
    }),
  )!;

describe('A question', () => {
  it('arrives as it was put', () => {
    const { delivery, ...question } = decodePeerRequest(
      arrived(encodePeerRequest(QUESTION).payload),
    )!;
    expect(question).toEqual({ ...QUESTION, delivery: undefined, ...question });
    expect({ ...question }).toMatchObject({
      operation: 'join',
      hub: '/chat – é',
      args: { rooms: ['a', 'b'] },
      taken: 3,
      allowedBytes: 4_096,
    });
    expect(delivery).toMatchObject(QUESTION.delivery);
  });

  const good = {
    operation: 'join',
    hub: '/',
    timeoutMs: 1,
    args: {},
    id: 'x',
    taken: 0,
    allowed: 1,
  };
  it.each<[string, object]>([
    ['an operation of another version', { operation: 'explode' }],
    ['no hub', { hub: 1 }],
    ['no time', { timeoutMs: 0 }],
    ['no arguments', { args: null }],
    ['rooms that are none', { args: { rooms: [1] } }],
    ['a code that is none', { args: { code: '1000' } }],
    ['a code that no close frame has', { args: { code: 1006 } }],
    ['a reason that no close frame holds', { args: { reason: 'x'.repeat(124) } }],
    ['an empty room', { args: { rooms: ['a', ''] } }],
    ['a room that is too long', { args: { rooms: ['x'.repeat(256)] } }],
    ['a room of half a character', { args: { rooms: ['\ud800'] } }],
    ['a hub that is too long', { hub: 'x'.repeat(256) }],
    ['an id that is too long', { id: 'x'.repeat(65) }],
    ['a time that is none', { timeoutMs: '5' }],
    ['half a part', { taken: 0.5 }],
    ['more bytes than there are numbers', { allowed: 1e308 }],
    ['no id', { id: undefined }],
    ['no part to go on from', { taken: -1 }],
    ['bytes that are none', { allowed: '1' }],
  ])('with %s is none', (_, fault) => {
    expect(decodePeerRequest(arrived(encodeControlPayload(good)))).toBeDefined();
    expect(decodePeerRequest(arrived(encodeControlPayload({ ...good, ...fault })))).toBeUndefined();
  });

  it('is open for a day at most, whatever it says', () => {
    const forEver = { ...good, timeoutMs: 1e308 };
    expect(decodePeerRequest(arrived(encodeControlPayload(forEver)))!.timeoutMs).toBe(86_400_000);
  });

  it('with a frame that is not UTF-8 is none', () => {
    expect(
      decodePeerRequest(arrived(encodeControlPayload(good, Buffer.from([0xc3])))),
    ).toBeUndefined();
  });

  it('is not found in any garbage, which throws nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, text) => {
        const buffer = Buffer.from(bytes);
        expect(decodePeerRequest(arrived(buffer, buffer))).toBeUndefined();
        decodeControlPayload(buffer);
        recordIn({ id: 'x', value: text });
      }),
    );
  });

  it('does not believe a forged length', () => {
    const bytes = encodeControlPayload(good);
    bytes.writeUInt32BE(0xffffffff);
    expect(decodeControlPayload(bytes)).toBeUndefined();
  });
});
