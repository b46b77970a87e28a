import { beforeEach, describe, expect, it } from '@jest/globals';
import { Audience, type AudiencePublisher } from '../../../lib/cluster/api/audience.js';
import type { Published } from '../../../lib/cluster/common/publishing.js';
import type { AudienceModifiers } from '../../../lib/cluster/common/audience-modifiers.js';
import type { Frame } from '../../../lib/hub/frame.js';
import { EVERYONE, type Target } from '../../../lib/hub/target.js';

interface Sent {
  verb: 'emit' | 'publish';
  target: Target;
  modifiers: AudienceModifiers;
  text: string;
}

class RecordingSink implements AudiencePublisher {
  readonly sent: Sent[] = [];
  readonly operations = undefined as never;

  emit(target: Target, modifiers: AudienceModifiers, frame: Frame): void {
    this.sent.push({ verb: 'emit', target, modifiers, text: frame.payload.toString() });
  }

  async publish(
    target: Target,
    modifiers: AudienceModifiers,
    frame: Frame,
  ): Promise<Published | undefined> {
    this.sent.push({ verb: 'publish', target, modifiers, text: frame.payload.toString() });
    return undefined;
  }
}

describe('an audience', () => {
  let sink: RecordingSink;
  let everyone: Audience;

  beforeEach(() => {
    sink = new RecordingSink();
    everyone = new Audience(sink);
  });

  const sentBy = (audience: Audience): Sent => {
    audience.emit('e');
    return sink.sent.pop()!;
  };

  const DERIVATIONS: Record<string, [(a: Audience) => Audience, object, object]> = {
    to: [(a) => a.to('r'), { everyone: false, rooms: ['r'] }, {}],
    in: [(a) => a.in('r', ['s']), { everyone: false, rooms: ['r', 's'] }, {}],
    toUser: [(a) => a.toUser('u'), { everyone: false, users: ['u'] }, {}],
    toConnection: [(a) => a.toConnection('c'), { everyone: false, connections: ['c'] }, {}],
    except: [(a) => a.except('r'), { exceptRooms: ['r'] }, {}],
    exceptConnection: [(a) => a.exceptConnection('c'), { exceptConnections: ['c'] }, {}],
    local: [(a) => a.local, {}, { local: true }],
    volatile: [(a) => a.volatile, {}, { volatile: true }],
    compress: [(a) => a.compress(false), {}, { compress: false }],
    timeout: [(a) => a.timeout(7), {}, { timeoutMs: 7 }],
  };
  const DEFAULTS = { local: false, volatile: false, compress: true, timeoutMs: undefined };

  it.each(Object.entries(DERIVATIONS))('%s() makes a new one', (_, [derive, target, modifiers]) => {
    const derived = derive(everyone);
    expect(derived).not.toBe(everyone);
    expect(sentBy(derived)).toMatchObject({
      target: { ...EVERYONE, ...target },
      modifiers: { ...DEFAULTS, ...modifiers },
    });
    expect(sentBy(everyone)).toMatchObject({ target: EVERYONE, modifiers: DEFAULTS });
  });

  it('is not changed by anything that is derived from it', () => {
    const kept = everyone.to('a').except('x').volatile;
    const before = sentBy(kept);
    for (const [derive] of Object.values(DERIVATIONS)) derive(derive(kept));
    expect(sentBy(kept)).toEqual(before);
  });

  it('adds up what a chain says, in whatever order', () => {
    const one = everyone.to('a').local.except('x').toUser('u').timeout(5).volatile;
    const other = everyone.volatile.toUser('u').timeout(5).except('x').to('a').local;
    expect(sentBy(one)).toEqual(sentBy(other));
  });

  it('sends what it is told to', async () => {
    const room = everyone.to('r');
    room.emit('e', { a: 1 });
    await room.publish('p');
    room.send('raw');
    expect(sink.sent.map(({ verb, text }) => `${verb} ${text}`)).toEqual([
      'emit {"event":"e","data":{"a":1}}',
      'publish {"event":"p"}',
      'emit raw',
    ]);
  });

  it("throws at the call for the caller's faults, and sends nothing", async () => {
    const name = '' as string;
    for (const bad of [
      () => everyone.to(name),
      () => everyone.in(name),
      () => everyone.toUser(name),
      () => everyone.toConnection(name),
      () => everyone.except(name),
      () => everyone.exceptConnection(name),
      () => everyone.to(undefined as never),
      () => everyone.emit(''),
      () => everyone.emit('$x'),
      () => everyone.emit('e', 1n),
      () => everyone.send(7 as never),
      ...[0, -1, NaN, Infinity, '7'].map((ms) => () => everyone.timeout(ms as number)),
    ]) {
      expect(bad).toThrow(TypeError);
    }
    await expect(everyone.publish('$x')).rejects.toThrow(TypeError);
    await expect(everyone.publish('e', 1n)).rejects.toThrow(TypeError);
    expect(sink.sent).toEqual([]);
  });
});
