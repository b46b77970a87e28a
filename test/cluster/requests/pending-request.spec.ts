import { beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_ANSWER_BYTES } from '../../../lib/cluster/requests/answer-bounds.js';
import { AnswerWindow } from '../../../lib/cluster/requests/answer-window.js';
import type { ControlPayload } from '../../../lib/cluster/wire/control-payload.js';
import { PendingRequest } from '../../../lib/cluster/requests/pending-request.js';

/** What an instance sends when it says these things. */
function parcels(messages: readonly unknown[], partBytes = 10): ControlPayload[] {
  const sent: ControlPayload[] = [];
  messages.forEach((message, i) => {
    const body = Buffer.from(JSON.stringify(message));
    for (let from = 0; from < body.length; from += partBytes) {
      const end = from + partBytes >= body.length;
      const fields = { part: sent.length, ...(end && { end, last: i === messages.length - 1 }) };
      sent.push({ fields, body: body.subarray(from, from + partBytes) });
    }
  });
  return sent;
}

describe('A pending request', () => {
  let heard: string[];
  let told: string[];
  let pending: PendingRequest;
  let ended: boolean;

  beforeEach(() => {
    heard = [];
    ended = false;
    told = [];
    const window = new AnswerWindow();
    pending = new PendingRequest({
      onMessage: (id, message) => heard.push(`${id} ${JSON.stringify(message)}`),
      known: () => ['known'],
      openFlow: (id) => window.open(10, (taken) => told.push(`${id} more after ${taken}`)),
      onOver: (id) => told.push(`${id} over`),
      onHole: (id) => told.push(`${id} again`),
    });
    void pending.done.then(() => (ended = true));
  });

  const turn = () => new Promise(setImmediate);

  it('puts messages together from their parts, and ends with the last', async () => {
    pending.expectOthers(['a']);
    const all = parcels(['x'.repeat(35), [1, 2]]);
    expect(all.length).toBeGreaterThan(4);
    for (const parcel of all.slice(0, -1)) pending.take('a', parcel);
    await turn();
    expect(ended).toBe(false);
    pending.take('a', all.at(-1)!);
    expect(await pending.done).toEqual([]);
    expect(heard).toEqual([`a "${'x'.repeat(35)}"`, 'a [1,2]']);
  });

  it('takes answers that come before it is known who is to answer', async () => {
    const [yes] = parcels(['yes'], 100);
    pending.take('b', yes!);
    expect(heard).toEqual([]);
    pending.expectOthers(['b']);
    expect(await pending.done).toEqual([]);
    expect(heard).toEqual(['b "yes"']);
  });

  it('takes answers of instances that are in no list, and waits for the rest of them', async () => {
    const [first, second] = parcels(['yes'], 3) as [ControlPayload, ControlPayload];
    pending.take('stranger', first);
    pending.expectOthers(['a']);
    pending.take('late', first);
    for (const part of [first, second]) pending.take('a', part);
    for (const who of ['late', 'stranger']) {
      await turn();
      expect(ended).toBe(false);
      pending.take(who, second);
    }
    expect(await pending.done).toEqual([]);
    pending.take('too late', first);
    expect(heard).toEqual(['a "yes"', 'late "yes"', 'stranger "yes"']);
  });

  it('waits for as many who are in no list as have heard it, and names those who do not answer', async () => {
    const [yes] = parcels(['yes'], 100);
    pending.take('early', yes!);
    pending.expectOthers(['a'], { unlisted: 3 });
    pending.take('a', yes!);
    pending.take('late', yes!);
    await turn();
    expect([ended, pending.asksOthers]).toEqual([false, true]);
    expect([pending.giveUpUnlisted(), pending.giveUpUnlisted()]).toEqual([1, 0]);
    expect(await pending.done).toEqual([{ instanceId: '*', reason: 'UNKNOWN_INSTANCE' }]);
    expect(heard).toEqual(['early "yes"', 'a "yes"', 'late "yes"']);
  });

  it('knows one that was asked by the id that it has by now, also where the former was lost', async () => {
    const as = (former: string): ControlPayload => {
      const [{ fields, body }] = parcels(['yes'], 100) as [ControlPayload];
      return { fields: { ...fields, former: [former] }, body };
    };
    pending.expectOthers(['a', 'b', 'c']);
    pending.take('a2', as('a'));
    pending.fail('b', 'INSTANCE_LOST');
    pending.take('b2', as('b'));
    pending.take('c', parcels(['yes'], 100)[0]!);
    expect(await pending.done).toEqual([]);
    expect(heard).toEqual(['a2 "yes"', 'b2 "yes"', 'c "yes"']);
  });

  it('ignores a part that comes again, and asks again for one that was lost', async () => {
    pending.expectOthers(['a', 'b']);
    const all = parcels(['y'.repeat(30)]);
    for (const parcel of all) {
      pending.take('a', parcel);
      pending.take('a', parcel);
    }
    pending.take('b', all[0]!);
    pending.take('b', all[2]!);
    pending.take('b', all[3]!);
    expect(told).toEqual(['b again']);
    expect(pending.progressOf('b')).toMatchObject({ taken: 1, allowedBytes: 10 });
    for (const parcel of all.slice(1)) pending.take('b', parcel);
    expect(await pending.done).toEqual([]);
    expect(heard).toHaveLength(2);
  });

  it('allows more as it comes, and tells when the rest is to be forgotten', async () => {
    pending.expectOthers(['a', 'b']);
    pending.take('a', { fields: { part: 0, more: 5 }, body: Buffer.alloc(10) });
    pending.take('b', { fields: { part: 0 }, body: Buffer.alloc(10) });
    expect(told).toEqual(['a more after 1']);
    pending.end('REQUEST_TIMEOUT');
    expect(told).toEqual(['a more after 1', 'a over']);
  });

  it('takes no more than may come together, and names whose answer it was', async () => {
    pending.expectOthers(['a', 'b']);
    const half = Buffer.alloc(MAX_ANSWER_BYTES / 2 + 1, ' ');
    pending.take('a', { fields: { part: 0 }, body: half });
    pending.take('b', { fields: { part: 0 }, body: half });
    pending.take('a', { fields: { part: 1, end: true, last: true }, body: Buffer.from('1') });
    expect(await pending.done).toMatchObject([{ instanceId: 'b', reason: 'ANSWER_TOO_LARGE' }]);
    expect(heard).toEqual(['a 1']);
  });

  it.each<[string, ControlPayload]>([
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
    pending.fail('b', 'INSTANCE_LEFT');
    expect(await pending.done).toEqual([
      { instanceId: 'a', reason: 'HANDLER_FAILED', message: 'on purpose' },
      { instanceId: 'b', reason: 'INSTANCE_LEFT' },
    ]);
  });

  it('does not wait for one that went before it was known who is to answer, and takes what it had said', async () => {
    const [yes] = parcels(['yes'], 100);
    pending.expectOwn('own');
    pending.take('answered', yes!);
    for (const id of ['answered', 'silent', 'unasked']) pending.fail(id, 'INSTANCE_LEFT');
    await turn();
    expect(ended).toBe(false);
    pending.expectOthers(['answered', 'silent']);
    pending.message('own', 1, true);
    expect(await pending.done).toEqual([{ instanceId: 'silent', reason: 'INSTANCE_LEFT' }]);
    expect(heard).toEqual(['answered "yes"', 'own 1']);
  });

  it('goes on with its own instance when the others cannot be reached', async () => {
    pending.expectOwn('own');
    pending.failRemote('BACKPLANE_UNAVAILABLE');
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
