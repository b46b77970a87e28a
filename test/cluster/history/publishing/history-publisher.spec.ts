import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Published, Publishing } from '../../../../lib/cluster/common/publishing.js';
import { DEFAULT_MODIFIERS } from '../../../../lib/cluster/common/audience-modifiers.js';
import { HistoryRules } from '../../../../lib/cluster/common/history-rules.js';
import { HistoryPublisher } from '../../../../lib/cluster/history/publishing/history-publisher.js';
import { Outbox } from '../../../../lib/cluster/history/publishing/outbox.js';
import { type Counters, newCounters } from '../../../../lib/cluster/common/counters.js';
import { Identity } from '../../../../lib/cluster/membership/identity.js';
import { ChannelNames } from '../../../../lib/cluster/wire/channels.js';
import { BackplaneUnavailableError } from '../../../../lib/errors/backplane-unavailable.error.js';
import { Frame } from '../../../../lib/hub/frame.js';
import { EVERYONE } from '../../../../lib/hub/target.js';
import type { Append, Appended } from '../../../../lib/transport/logs.js';

const RULE = {
  of: 'room',
  matches: () => true,
  durability: undefined,
  size: 100,
  ttlMs: 1_000,
  metaTtlMs: 86_400_000,
} as const;

/** A log that says nothing of what it takes while it is mute. */
class MuteLog {
  isMute = false;
  readonly #ids: string[] = [];

  async append({ id }: Append): Promise<Appended> {
    const duplicate = this.#ids.includes(id);
    if (!duplicate) this.#ids.push(id);
    if (this.isMute) throw new BackplaneUnavailableError('the connection was closed');
    return { epoch: 'e', offset: this.#ids.indexOf(id) + 1, duplicate };
  }
}

describe('What goes into a history', () => {
  let log: MuteLog;
  let outbox: Outbox;
  let counters: Counters;
  let publish: (options: Publishing) => Promise<Published | undefined>;

  beforeEach(() => {
    log = new MuteLog();
    outbox = new Outbox(log);
    outbox.open();
    counters = newCounters();
    const broadcasts = new HistoryPublisher({
      rules: new HistoryRules([RULE]),
      outbox,
      identity: new Identity(),
      channels: new ChannelNames(['k']),
      counters,
      commandTimeoutMs: 1_000,
      idempotencyTtlMs: 60_000,
      onAppended: () => {},
      onUnheard: () => {},
      onUnsent: () => {},
    });
    const sink = broadcasts.publisherOf('/', undefined as never);
    const target = { ...EVERYONE, everyone: false, rooms: ['r'] };
    publish = (options) => sink.publish(target, DEFAULT_MODIFIERS, Frame.text('hi'), options);
  });

  afterEach(() => outbox.close());

  it('is no duplicate where its second try finds the first', async () => {
    log.isMute = true;
    const published = publish({ id: undefined, queue: true });
    await Promise.resolve();
    log.isMute = false;
    expect(await published).toEqual({ epoch: 'e', offset: 1, duplicate: false });
    expect(counters).toMatchObject({ published: 1, republished: 0 });
  });

  it("is a duplicate where the app's id is known", async () => {
    expect(await publish({ id: 'x', queue: true })).toMatchObject({ offset: 1, duplicate: false });
    expect(await publish({ id: 'x', queue: true })).toMatchObject({ offset: 1, duplicate: true });
    expect(counters).toMatchObject({ published: 1, republished: 1 });
  });
});
