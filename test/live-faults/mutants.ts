import type { SourceEdit } from '../continuity/mutants.js';
import { ROLES } from '../continuity/stage/redis-proxy.js';
import type { LiveFault } from './plan/live-fault.js';
import type { LiveViolationKind } from './verdict/live-violation.js';

/** The library without one of its mechanisms, and how that shows. */
export interface Mutant {
  readonly lacks: string;
  readonly edits: readonly SourceEdit[];
  readonly shows: readonly LiveViolationKind[];
  /** Instead of what the seed decides: where a random schedule would seldom show it. */
  readonly faults?: readonly LiveFault[];
}

const CURSOR = 'cluster/live/live-cursor.ts';
const RECEIVER = 'cluster/live/live-receiver.ts';
const RETRIES = 'cluster/live/live-retries.ts';
const ROOMS = 'cluster/live/live-rooms.ts';
const SENDER = 'cluster/live/live-sender.ts';

/** So many times, one after the other. */
function repeated(times: number, make: (i: number) => LiveFault | LiveFault[]): LiveFault[] {
  return Array.from({ length: times }, (_, i) => make(i)).flat();
}

/** Instance 0 disconnects those of instance 1. */
const kicks = repeated(130, (i) => ({
  kind: 'kick',
  atMs: 500 + i * 70,
  instance: 0,
  reader: [1, 4][i % 2]!,
}));

/** Instance 1 hears nothing, again and again, and its questions take long. */
const deaf: LiveFault[] = [
  { kind: 'delay', roles: ['commands'], delayMs: 150, instance: 1, atMs: 300, forMs: 9_500 },
  ...repeated(4, (i) => {
    const atMs = 600 + i * 2_300;
    return { kind: 'cut', roles: ['subscriber'], instance: 1, atMs, forMs: 700 } as const;
  }),
];

/** Instance 0 is cut off in bursts, of which it has much to send again. */
const behind: LiveFault[] = repeated(3, (i) => {
  const atMs = 800 + i * 3_000;
  return [
    { kind: 'cut', roles: ROLES, instance: 0, atMs, forMs: 600 },
    { kind: 'burst', instance: 0, messages: 4_000, target: 'room:own 1', atMs: atMs + 200 },
  ];
});

/**
 * Instance 0 reaches Redis again just before nothing more is written: no later message shows what
 * is missing.
 */
const cutOffAtLast: LiveFault[] = [
  { kind: 'cut', roles: ['commands'], instance: 0, atMs: 7_000, forMs: 2_900 },
];

/** Answers to instance 0 are lost, while those of other instances enter more rooms. */
const unconfirmed: LiveFault[] = [
  { kind: 'delay', roles: ['commands'], delayMs: 400, instance: 0, atMs: 300, forMs: 9_000 },
  ...repeated(7, (i) => {
    const atMs = 900 + i * 1_200;
    return { kind: 'cut', roles: ['commands'], instance: 0, atMs, forMs: 0 } as const;
  }),
  ...repeated(300, (i): LiveFault => {
    const reader = [1, 2, 4, 5, 7, 8][i % 6]!;
    return { kind: 'change-room', atMs: 500 + i * 30, reader, to: `r${(i * 7) % 24}` };
  }),
];

export const LIVE_MUTANTS: readonly Mutant[] = [
  {
    lacks: 'the look at places',
    edits: [
      {
        file: CURSOR,
        code: "return number === this.number + 1 ? 'next' : 'ahead';",
        instead: "return number > this.number ? 'next' : 'ahead';",
      },
    ],
    shows: ['lost', 'reorder'],
  },
  {
    lacks: 'the holding of what does not follow',
    edits: [
      {
        file: RECEIVER,
        code: "else if (standing === 'ahead' || !this.#mayGo(envelope, positions, now)) {",
        instead: 'else if (!this.#mayGo(envelope, positions, now)) {',
      },
    ],
    shows: ['lost', 'reorder'],
  },
  {
    lacks: 'the digest',
    edits: [
      {
        file: ROOMS,
        code: 'if (live && live.windowMs > 0) this.#repairs.wasAway(live.id, absentMs);',
        instead: 'void [live, absentMs];',
      },
    ],
    shows: ['lost'],
  },
  {
    lacks: 'the sending again: an error is taken for a reply',
    edits: [
      {
        file: 'cluster/live/pending-live-message.ts',
        code: 'this.#ends.failed(this.#at, this.#bytes, error);',
        instead: 'void error; this.#ends.left(this.#at, this.#bytes);',
      },
    ],
    shows: ['lost'],
    faults: cutOffAtLast,
  },
  {
    lacks: 'the memory of what Redis took: a reply is taken for an arrival',
    edits: [
      {
        file: SENDER,
        code: "this.list.mark(at, 'left');",
        instead: "this.list.mark(at, 'void');",
      },
    ],
    shows: ['lost'],
  },
  {
    lacks: 'the age of what is sent again',
    edits: [{ file: RETRIES, code: 'stampAge(listed, now - sentAt);', instead: 'void stampAge;' }],
    shows: ['stale', 'misdirected'],
  },
  {
    lacks: 'the age of what is answered',
    edits: [{ file: 'cluster/live/live-answers.ts', code: 'stampAge(bytes, ageMs);', instead: '' }],
    shows: ['stale', 'misdirected'],
  },
  {
    lacks: 'the memory of who came and went',
    edits: [
      {
        file: 'cluster/local/deliver.ts',
        code: 'return target && route.hub.deliverAsOf(ageMs, target, frame, envelope);',
        instead: 'return target && route.hub.deliver(target, frame, envelope);',
      },
    ],
    shows: ['stale', 'misdirected'],
  },
  {
    lacks: 'the ids of messages to several rooms, after 100 ms',
    edits: [
      {
        file: 'cluster/live/recent-messages.ts',
        code: 'if (seenAt >= now - this.#keepMs) break;',
        instead: 'if (seenAt >= now - Math.min(100, this.#keepMs)) break;',
      },
    ],
    shows: ['double'],
    faults: unconfirmed,
  },
  {
    lacks: 'the wait of commands for what their receiver misses',
    edits: [
      {
        file: 'cluster/requests/peer-request-receiver.ts',
        code: 'ACTS.has(request.operation) ? live.whole(from) : undefined;',
        instead: 'ACTS.has(request.operation) ? void live : undefined;',
      },
    ],
    shows: ['overtaken'],
    faults: [...deaf, ...kicks],
  },
  {
    lacks: 'the wait of commands for what their sender sends again',
    edits: [
      {
        file: 'cluster/requests/peer-request-sender.ts',
        code: '      if (live.sender.isBehind) await live.sender.caughtUp();\n      return await transport.publishAndCount(',
        instead: 'void live; return await transport.publishAndCount(',
      },
    ],
    shows: ['overtaken'],
    faults: [...behind, ...kicks],
  },
  {
    lacks: 'the place of volatile messages',
    edits: [{ file: CURSOR, code: 'return this.number >= number;', instead: 'return true;' }],
    shows: ['reorder'],
  },
];
