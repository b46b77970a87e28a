import { beforeEach, describe, expect, it } from '@jest/globals';
import { AnswerStream } from '../../../lib/cluster/requests/answer-stream.js';
import { decodeEnvelope } from '../../../lib/cluster/wire/envelope.js';
import { decodeParcel, type Parcel } from '../../../lib/cluster/wire/parcel.js';
import { PendingRequest } from '../../../lib/cluster/requests/pending-request.js';

const ORIGIN = '0123456789abcdef';

/** What an instance sends when it says these things. */
async function parcels(messages: readonly unknown[], partBytes = 10): Promise<Parcel[]> {
  const sent: Parcel[] = [];
  const stream = new AnswerStream({
    origin: ORIGIN,
    to: 7,
    partBytes,
    publish: async (bytes) => {
      const envelope = decodeEnvelope(bytes)!;
      expect(envelope).toMatchObject({ origin: ORIGIN, sequence: 7 });
      sent.push(decodeParcel(envelope.payload)!);
    },
  });
  messages.forEach((message, i) => stream.send(message, i === messages.length - 1));
  const size = messages.reduce(
    (sum: number, m) => sum + Math.max(1, Math.ceil(JSON.stringify(m).length / partBytes)),
    0,
  );
  while (sent.length < size) await Promise.resolve();
  return sent;
}

describe('A pending request', () => {
  let heard: string[];
  let pending: PendingRequest;
  let ended: boolean;

  beforeEach(() => {
    heard = [];
    ended = false;
    pending = new PendingRequest(
      (id, message) => heard.push(`${id} ${JSON.stringify(message)}`),
      () => ['known'],
    );
    void pending.done.then(() => (ended = true));
  });

  const turn = () => new Promise(setImmediate);

  it('puts messages together from their parts, and ends with the last', async () => {
    pending.expectOthers(['a']);
    const all = await parcels(['x'.repeat(35), [1, 2]]);
    expect(all.length).toBeGreaterThan(4);
    for (const parcel of all.slice(0, -1)) pending.take('a', parcel);
    await turn();
    expect(ended).toBe(false);
    pending.take('a', all.at(-1)!);
    expect(await pending.done).toEqual([]);
    expect(heard).toEqual([`a "${'x'.repeat(35)}"`, 'a [1,2]']);
  });

  it('takes answers that come before it is known who is to answer, and only of those', async () => {
    const [yes] = await parcels(['yes'], 100);
    pending.take('b', yes!);
    pending.take('stranger', yes!);
    expect(heard).toEqual([]);
    pending.expectOthers(['b']);
    expect(await pending.done).toEqual([]);
    pending.take('stranger', yes!);
    expect(heard).toEqual(['b "yes"']);
  });

  it('ignores a part that comes again, and takes out an instance of which one was lost', async () => {
    pending.expectOthers(['a', 'b']);
    const all = await parcels(['y'.repeat(30)]);
    for (const parcel of all) {
      pending.take('a', parcel);
      pending.take('a', parcel);
    }
    pending.take('b', all[0]!);
    pending.take('b', all[2]!);
    expect(await pending.done).toEqual([{ instanceId: 'b', reason: 'ANSWER_LOST' }]);
    expect(heard).toHaveLength(1);
  });

  it.each<[string, Parcel]>([
    ['no JSON', { fields: { part: 0, end: true, last: true }, body: Buffer.from('{') }],
    ['no part', { fields: {}, body: Buffer.from('1') }],
  ])('takes out an instance that answers %s', async (_, parcel) => {
    pending.expectOthers(['a']);
    pending.take('a', parcel);
    expect(await pending.done).toEqual([{ instanceId: 'a', reason: 'ANSWER_LOST' }]);
  });

  it('names who failed, with the reason and the message', async () => {
    pending.expectOthers(['a', 'b']);
    pending.message('a', { failed: 'HANDLER_FAILED', message: 'on purpose' }, true);
    pending.takeOut('b', 'INSTANCE_LEFT');
    expect(await pending.done).toEqual([
      { instanceId: 'a', reason: 'HANDLER_FAILED', message: 'on purpose' },
      { instanceId: 'b', reason: 'INSTANCE_LEFT' },
    ]);
  });

  it('does not wait for one that went before it was known who is to answer, and takes what it had said', async () => {
    const [yes] = await parcels(['yes'], 100);
    pending.expectOwn('own');
    pending.take('answered', yes!);
    for (const id of ['answered', 'silent', 'stranger']) pending.takeOut(id, 'INSTANCE_LEFT');
    await turn();
    expect(ended).toBe(false);
    pending.expectOthers(['answered', 'silent']);
    pending.message('own', 1, true);
    expect(await pending.done).toEqual([{ instanceId: 'silent', reason: 'INSTANCE_LEFT' }]);
    expect(heard).toEqual(['answered "yes"', 'own 1']);
  });

  it('goes on with its own instance when the others cannot be reached', async () => {
    pending.expectOwn('own');
    pending.takeOutOthers('BACKPLANE_UNAVAILABLE');
    await turn();
    expect(ended).toBe(false);
    expect(pending.asksOthers).toBe(false);
    pending.message('own', 1, true);
    expect(await pending.done).toEqual([{ instanceId: 'known', reason: 'BACKPLANE_UNAVAILABLE' }]);
    expect(heard).toEqual(['own 1']);
  });

  it('ends at once when it is told to, and hears nothing after that', async () => {
    pending.expectOwn('own');
    pending.expectOthers(['a']);
    pending.end('REQUEST_TIMEOUT');
    expect(await pending.done).toEqual([
      { instanceId: 'a', reason: 'REQUEST_TIMEOUT' },
      { instanceId: 'own', reason: 'REQUEST_TIMEOUT' },
    ]);
    pending.message('own', 1, true);
    expect(heard).toEqual([]);
  });

  it('ends by itself where nobody is to answer', async () => {
    pending.expectOthers([]);
    expect(await pending.done).toEqual([]);
  });
});
