import { expect, it } from '@jest/globals';
import { newCounters } from '../../../lib/cluster/common/counters.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { encodeControl, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import { Inbox } from '../../../lib/cluster/wire/inbox.js';
import { FakeLogger } from '../fake-logger.js';

const fault = (): never => {
  throw new Error('a fault');
};

it('keeps a fault of a reader from the process: it is dropped, counted, and said in the log', () => {
  const counters = newCounters();
  const logger = new FakeLogger();
  const log = new ThrottledLog(logger);
  const read: string[] = [];
  const inbox = new Inbox({
    entries: fault,
    counters,
    log,
    isOwn: () => false,
    readers: {
      broadcast: fault,
      request: fault,
      answer: ({ origin }) => read.push(origin) > 0,
      announcement: fault,
      allowance: fault,
      resend: fault,
    },
  });
  const origin = '0123456789abcdef';
  for (const kind of Object.values(EnvelopeKind))
    inbox.receive('c', encodeControl({ kind, origin, sequence: 1, payload: Buffer.alloc(0) }));
  // All but the answer; nobody reads probes.
  expect(counters.malformed).toBe(Object.keys(EnvelopeKind).length - 1);
  expect(read).toEqual([origin]);
  expect(logger.lines).toEqual([
    'error A message from Redis could not be read: a fault',
    expect.stringMatching(/^warn Dropped a message of/),
  ]);
});
