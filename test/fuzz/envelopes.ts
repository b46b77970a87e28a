import { encodeEnvelope, EnvelopeKind } from '../../lib/cluster/wire/envelope.js';
import { encodeTarget } from '../../lib/cluster/wire/target-codec.js';
import { EVERYONE } from '../../lib/hub/target.js';
import { encodeLogEntry } from '../../lib/transport/log-entry.js';
import type { Random } from '../support/random.js';
import { mutated, oddJson } from './json-mutants.js';

const NOBODY = { ...EVERYONE, everyone: false, rooms: ['no such room'] };
const OPERATIONS = ['count', 'fetch', 'join', 'leave', 'disconnect', 'ask', 'event', 'other'];
const KINDS = Object.values(EnvelopeKind);

export interface EnvelopeWorld {
  /** Of an instance that is asked, so that forged answers find questions. */
  readonly origin: string;
  /** How many questions the asking instance has put by now. */
  readonly questions: number;
}

/**
 * The bytes of one envelope after another, each somehow odd: of every kind, with fields that are
 * deep, long or of another type, lengths that lie, and changed bytes. They address a room that
 * nobody is in.
 */
export function oddEnvelope(random: Random, world: EnvelopeWorld): Buffer {
  const kind = random.pick(KINDS);
  const bytes = encodeEnvelope({
    kind,
    origin: random.chance(0.8) ? world.origin : randomOrigin(random),
    sequence: random.between(0, world.questions + 3),
    binary: random.chance(0.5),
    mayRepeat: random.chance(0.3),
    volatile: random.chance(0.1),
    compress: random.chance(0.9),
    target: encodeTarget(NOBODY),
    payload: payloadOf(random, kind),
  });
  const wrapped = random.chance(0.1) ? inEntry(random, bytes) : bytes;
  return random.chance(0.4) ? mutated(random, wrapped) : wrapped;
}

function payloadOf(random: Random, kind: EnvelopeKind): Buffer {
  switch (kind) {
    case EnvelopeKind.request:
      return parcel(random, requestFields(random), oddJson(random));
    case EnvelopeKind.answer:
      return parcel(random, answerFields(random), answerBody(random));
    case EnvelopeKind.announcement:
      return parcel(random, announcementFields(random), '');
    case EnvelopeKind.allowance:
      return parcel(random, allowanceFields(random), '');
    case EnvelopeKind.resend:
      return parcel(random, resendFields(random), oddJson(random));
    case EnvelopeKind.broadcast:
    case EnvelopeKind.probe:
      return Buffer.from(`{"event":${oddJson(random)},"data":${oddJson(random)}}`);
  }
}

function requestFields(random: Random): string {
  const operation = JSON.stringify(random.pick(OPERATIONS));
  const args = `{"event":"server-event","rooms":["r"],"code":1000}`;
  const allowed = String(random.pick([0, 10, 1_000_000]));
  const question = { operation, hub: '"/chat"', timeoutMs: '50', args, id: '"i.1"' };
  return object(random, { ...question, taken: String(random.between(0, 2)), allowed });
}

function allowanceFields(random: Random): string {
  if (random.chance(0.2)) return '{"over":true}';
  const taken = String(random.between(0, 5));
  return object(random, { taken, allowed: String(random.between(0, 10_000)) });
}

function resendFields(random: Random): string {
  const count = (): string => String(random.pick([0, 1, 7, 1e9]));
  switch (random.between(0, 3)) {
    case 0:
      return object(random, { digest: count(), absentMs: count(), after: count() });
    case 1:
      return object(random, { digestOf: count(), reachMs: count(), next: count() });
    case 2:
      return object(random, { holes: count() });
    default:
      return object(random, { holesOf: count() });
  }
}

function answerFields(random: Random): string {
  const yes = () => String(random.chance(0.8));
  const more = String(random.pick([0, 100, 1e12, -1]));
  const fields = { part: String(random.between(0, 1)), end: yes(), last: yes() };
  return object(random, random.chance(0.3) ? { ...fields, more, former: '["f"]' } : fields);
}

function answerBody(random: Random): string {
  const connections = String(random.between(0, 9));
  switch (random.between(0, 5)) {
    case 0:
      return object(random, { connections, unknown: '["x"]', refused: '[["x",1]]' });
    case 1:
      return object(random, {
        sockets: `[${object(random, { id: '"x"', userId: '"u"', rooms: '["r"]', data: '{}' })}]`,
        unknown: '[]',
      });
    case 2:
      return object(random, { asked: '["x","y"]', unknown: '[]' });
    case 3:
      return object(random, {
        answers: `[["x",${object(random, { data: '1' })}]]`,
        closed: '["y"]',
      });
    case 4:
      return object(random, { failed: '"HANDLER_FAILED"', message: '"m"' });
    default:
      return object(random, { data: '1' });
  }
}

function announcementFields(random: Random): string {
  if (random.chance(0.05)) return '{"left":true}';
  if (random.chance(0.2)) return object(random, { back: 'true', former: '["f"]' });
  const value = { host: '"h"', pid: '1', startedAt: '1', connections: '1' };
  const record = object(random, { ...value, hubs: '["/chat"]', listens: '[]', former: '[]' });
  return object(random, { value: JSON.stringify(record) });
}

/** JSON of an object, in which one member in ten is odd. */
function object(random: Random, members: Record<string, string>): string {
  const texts = Object.entries(members).map(
    ([name, text]) => `${JSON.stringify(name)}:${random.chance(0.1) ? oddJson(random) : text}`,
  );
  return `{${texts.join(',')}}`;
}

/** As `encodeControlPayload` writes it, with a length that may lie. */
function parcel(random: Random, fields: string, body: string): Buffer {
  const head = Buffer.from(fields);
  const length = Buffer.alloc(4);
  const lie = random.pick([0, 1, 2 ** 31, 2 ** 32 - 1]);
  length.writeUInt32BE(random.chance(0.05) ? lie : head.length);
  return Buffer.concat([length, head, Buffer.from(body)]);
}

function inEntry(random: Random, bytes: Buffer): Buffer {
  return encodeLogEntry({
    epoch: 'epoch-00',
    offset: random.pick([1, 2, 3, 2 ** 40]),
    publishedAtMs: Date.now(),
    tag: randomOrigin(random).slice(0, 8),
    previousTag: random.chance(0.5) ? '' : randomOrigin(random).slice(0, 8),
    bytes,
  });
}

function randomOrigin(random: Random): string {
  const digits = Array.from({ length: 16 }, () => random.between(0, 35).toString(36));
  return digits.join('');
}
