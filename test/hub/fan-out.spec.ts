import { beforeEach, describe, expect, it } from '@jest/globals';
import { FanOut } from '../../lib/hub/fan-out.js';
import { Frame } from '../../lib/hub/frame.js';
import { FlushScheduler } from '../../lib/hub/flush-scheduler.js';
import { FakeMember } from './fake-member.js';

const DELIVERY = { volatile: false, compress: true };
const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Keeps the event loop busy at each write, so that a turn runs out of time. */
class SlowMember extends FakeMember {
  constructor(
    id: string,
    readonly writeMs = 0.2,
  ) {
    super(id);
  }

  override write(...args: Parameters<FakeMember['write']>): void {
    const until = performance.now() + this.writeMs;
    while (performance.now() < until);
    super.write(...args);
  }
}

describe('a fan-out', () => {
  let fanOut: FanOut<FakeMember>;
  let ann: FakeMember;
  let bob: FakeMember;
  let room: Set<FakeMember>;
  const send = (text: string, members = room, skip?: FakeMember): void =>
    fanOut.send(members, skip, Frame.text(text), DELIVERY);

  beforeEach(() => {
    fanOut = new FanOut({ turn: new FlushScheduler(), coalesceMs: 0 });
    ann = new FakeMember('a');
    bob = new FakeMember('b');
    room = new Set([ann, bob]);
  });

  it('writes what one turn has for a room once, when the turn ends', async () => {
    for (const text of ['1', '2', '3']) send(text);
    expect(ann.writes).toBe(0);
    await endOfTurn();
    expect(ann.texts).toEqual(['1', '2', '3']);
    expect([ann.writes, bob.writes]).toEqual([1, 1]);
  });

  it('keeps the order of the calls over several groups', async () => {
    const alone = new Set([ann]);
    send('1');
    send('2', alone);
    send('3');
    await endOfTurn();
    expect(ann.texts).toEqual(['1', '2', '3']);
    expect(bob.texts).toEqual(['1', '3']);
  });

  it('leaves one out, and joins nothing that leaves out another', async () => {
    send('1', room, ann);
    send('2', room, bob);
    await endOfTurn();
    expect([ann.texts, bob.texts]).toEqual([['2'], ['1']]);
  });

  it('settles one member early, and writes it nothing twice', async () => {
    send('1');
    fanOut.flushMember(ann);
    expect(ann.texts).toEqual(['1']);
    send('2');
    fanOut.flushMember(bob);
    send('3');
    await endOfTurn();
    expect([ann.texts, bob.texts]).toEqual([
      ['1', '2', '3'],
      ['1', '2', '3'],
    ]);
  });

  it('gives who joins a live group after a message nothing of it', async () => {
    const late = new FakeMember('l');
    send('before');
    fanOut.flushMember(late);
    room.add(late);
    send('after');
    await endOfTurn();
    expect(late.texts).toEqual(['after']);
    expect(ann.texts).toEqual(['before', 'after']);
  });

  it('gives who leaves a live group after a message that message', async () => {
    send('before');
    fanOut.flushMember(ann);
    room.delete(ann);
    send('after');
    await endOfTurn();
    expect(ann.texts).toEqual(['before']);
    expect(bob.texts).toEqual(['before', 'after']);
  });

  it('yields when it takes long, and keeps order', async () => {
    const crowd = Array.from({ length: 600 }, (_, i) => new SlowMember(String(i)));
    const everyone = new Set<FakeMember>(crowd);
    send('1', everyone);
    await endOfTurn();
    const last = crowd.at(-1)!;
    expect(crowd[0]!.texts).toEqual(['1']);
    expect(last.texts).toEqual([]);
    send('2', everyone);
    fanOut.flushMember(last);
    expect(last.texts).toEqual(['1', '2']);
    while (crowd.at(-2)!.texts.length < 2) await endOfTurn();
    expect(crowd.every(({ texts }) => texts.join() === '1,2')).toBe(true);
  });

  it('waits for company as long as it is told, and no longer', async () => {
    fanOut = new FanOut({ turn: new FlushScheduler(), coalesceMs: 20 });
    send('1');
    await endOfTurn();
    send('2');
    expect(ann.writes).toBe(0);
    const started = performance.now();
    while (ann.writes === 0) await endOfTurn();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(ann.texts).toEqual(['1', '2']);
    expect(ann.writes).toBe(1);
  });

  it('lets a fan-out that follows a long one wait some turns for company', async () => {
    const busy = new SlowMember('s', 500);
    room.add(busy);
    send('1');
    await endOfTurn();
    send('2');
    await endOfTurn();
    send('3');
    expect(ann.texts).toEqual(['1']);
    while (ann.writes === 1) await endOfTurn();
    expect(ann.texts).toEqual(['1', '2', '3']);
    expect(ann.writes).toBe(2);
  });

  it('writes what is due when it is closed', async () => {
    fanOut = new FanOut({ turn: new FlushScheduler(), coalesceMs: 60_000 });
    send('1');
    fanOut.close();
    expect(ann.texts).toEqual(['1']);
    await endOfTurn();
    expect(ann.writes).toBe(1);
  });

  it('lets no more than so many runs wait, in one turn', async () => {
    const alone = new Set([ann]);
    for (let n = 0; n < 2_000; n++) send(String(n), n % 2 ? room : alone);
    expect(ann.writes).toBeGreaterThan(1_000);
    // On a busy machine it takes more than one.
    for (let turn = 0; ann.texts.length < 2_000 && turn < 100; turn++) await endOfTurn();
    expect(ann.texts).toEqual(Array.from({ length: 2_000 }, (_, n) => String(n)));
  });
});
