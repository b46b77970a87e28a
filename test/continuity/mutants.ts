import type { Fault } from './plan/fault.js';
import type { Plan } from './plan/plan.js';
import { roomNames } from './plan/plan.js';
import { ROLES } from './stage/redis-proxy.js';
import type { ViolationKind } from './verdict/violation.js';

/** What of the library's source is replaced. */
export interface SourceEdit {
  readonly file: string;
  readonly code: string;
  readonly instead: string;
}

/** The library without one of its safeguards, a stage on which that shows, and how. */
export interface Mutant {
  readonly lacks: string;
  readonly edits: readonly SourceEdit[];
  readonly stage: keyof typeof STAGES;
  readonly shows: readonly ViolationKind[];
}

const READERS = 6;

const rooms = roomNames(20);

function plan(seed: number, faults: readonly Fault[], otherwise: Partial<Plan> = {}): Plan {
  return {
    seed,
    seconds: 5,
    replica: false,
    instances: 2,
    rooms,
    messagesPerSecond: 80,
    readers: Array.from({ length: READERS }, (_, i) => ({ instance: i % 2, rooms })),
    faults,
    ...otherwise,
  };
}

const network = { instance: 0, atMs: 300, forMs: 4_200 } as const;

/** Those on the first instance are in the rooms that are seldom written to, and join busy ones. */
const joiners: Partial<Plan> = {
  readers: Array.from({ length: READERS }, (_, i) => ({
    instance: i % 2,
    rooms: i % 2 === 0 ? rooms.slice(rooms.length / 2) : rooms,
  })),
};

/** They join from then on, one after the other. */
const joins = (fromMs: number): Fault[] =>
  [0, 2, 4].map((reader, i) => ({
    kind: 'change-room',
    atMs: fromMs + i * 150,
    reader,
    to: rooms[i]!,
  }));

/** Of both instances, all the time. */
const bursts: Fault[] = Array.from({ length: 40 }, (_, i) => ({
  kind: 'burst',
  instance: i % 2,
  messages: 100,
  atMs: 500 + i * 100,
}));

/** Without a mutant, all goes well on them. */
export const STAGES = {
  'messages are dropped': plan(1, [{ kind: 'drop', oneIn: 4, ...network }]),
  'messages are dropped, and come late': plan(2, [
    { kind: 'delay', roles: ['subscriber'], delayMs: 250, ...network },
    { kind: 'drop', oneIn: 8, ...network },
  ]),
  'messages are dropped, and answers come late': plan(3, [
    { kind: 'delay', roles: ['commands'], delayMs: 250, ...network },
    { kind: 'drop', oneIn: 8, ...network },
  ]),
  'an instance is cut off': plan(4, [
    { kind: 'cut', roles: ROLES, instance: 0, atMs: 1_500, forMs: 3_400 },
  ]),
  'acknowledgements are lost': plan(
    5,
    [500, 1_500, 2_500, 3_500].flatMap((atMs): Fault[] => [
      { kind: 'delay', roles: ['commands'], delayMs: 150, instance: 0, atMs, forMs: 500 },
      { kind: 'cut', roles: ['commands'], instance: 0, atMs: atMs + 400, forMs: 0 },
    ]),
  ),
  // What an instance has not heard by then is gone for good.
  'Redis comes back empty': plan(6, [
    { kind: 'cut', roles: ROLES, instance: 0, atMs: 1_000, forMs: 2_000 },
    { kind: 'kill-redis', keeps: false, atMs: 2_000, forMs: 500 },
  ]),
  'messages are dropped that come rarely': plan(
    7,
    [{ kind: 'drop', oneIn: 2, instance: 0, atMs: 300, forMs: 4_700 }],
    { messagesPerSecond: 5 },
  ),
  'a replica that lags is promoted': plan(
    8,
    [{ kind: 'promote-replica', atMs: 1_500, forMs: 1_000 }],
    { replica: true },
  ),
  'members join an instance that is cut off': plan(
    9,
    [{ kind: 'cut', roles: ROLES, instance: 0, atMs: 1_000, forMs: 3_000 }, ...joins(1_600)],
    joiners,
  ),
  'members join over a slow network': plan(
    10,
    [{ kind: 'delay', roles: ROLES, delayMs: 250, ...network }, ...joins(1_000)],
    joiners,
  ),
  'acknowledgements are lost for longer than ids are known': plan(
    11,
    [
      { kind: 'delay', roles: ['commands'], delayMs: 150, instance: 0, atMs: 500, forMs: 500 },
      { kind: 'cut', roles: ['commands'], instance: 0, atMs: 900, forMs: 1_500 },
    ],
    { emitsOnly: true, backplane: { idempotencyTtlMs: 1_000 } },
  ),
  'Redis forgets its scripts': plan(
    13,
    [{ kind: 'forget-scripts', atMs: 300, forMs: 4_500 }, ...bursts],
    { rooms: rooms.slice(0, 4), messagesPerSecond: 300, refusesNothing: true },
  ),
  'Redis lacks a right for a while': plan(
    14,
    [700, 1_700, 2_700, 3_700].map((atMs): Fault => {
      const rights = atMs < 2_000 ? ['xadd'] : ['set'];
      return { kind: 'refuse', how: 'no-right', rights, atMs, forMs: 500 };
    }),
  ),
  // The system's own buffers, some MiB, are full long before the end.
  'a member does not read': plan(
    12,
    [{ kind: 'slow-reader', reader: 0, atMs: 300, forMs: 4_700 }],
    {
      largestPadding: 60_000,
      messagesPerSecond: 40,
      backplane: { slowClient: 'pause', bufferLimitBytes: 64 * 1024 },
    },
  ),
} as const satisfies Record<string, Plan>;

const CURSOR = 'cluster/history/consuming/cursor.ts';

export const HISTORY_MUTANTS: readonly Mutant[] = [
  {
    lacks: 'the look at gaps',
    edits: [
      {
        file: CURSOR,
        code: 'return entry.offset === this.#offset + 1 && entry.previousTag === this.#tag;',
        instead: 'return entry.offset > this.#offset;',
      },
    ],
    stage: 'messages are dropped',
    shows: ['gap'],
  },
  {
    lacks: 'the comparison of what has gone quiet',
    edits: [
      {
        file: 'cluster/history/consuming/idle-checker.ts',
        code: 'this.#check(log);',
        instead: '',
      },
    ],
    stage: 'messages are dropped that come rarely',
    shows: ['gap'],
  },
  {
    lacks: 'the comparison when the link is back',
    edits: [
      { file: CURSOR, code: 'this.#subscribed = false;\n', instead: '' },
      {
        file: 'cluster/history/consuming/log-consumers.ts',
        code: 'this.#checkAll();\n    this.#watchLineage();',
        instead: '',
      },
      {
        file: 'cluster/history/consuming/idle-checker.ts',
        code: 'this.#check(log);',
        instead: '',
      },
    ],
    stage: 'an instance is cut off',
    shows: ['gap'],
  },
  {
    lacks: 'the tags',
    edits: [
      { file: CURSOR, code: ' && entry.previousTag === this.#tag', instead: '' },
      { file: CURSOR, code: ' && top.tag === this.#tag', instead: '' },
      {
        file: 'cluster/history/consuming/delivered-window.ts',
        code: 'return this.at(offset) === tag;',
        instead: 'return this.at(offset) !== undefined;',
      },
    ],
    stage: 'a replica that lags is promoted',
    shows: ['gap'],
  },
  {
    lacks: 'the dropping of doubles',
    edits: [
      {
        file: CURSOR,
        code: 'if (this.#isRepeated(entry)) return NOTHING;',
        instead:
          'if (this.#isRepeated(entry)) return { lost: undefined, deliver: [entry], read: undefined };',
      },
    ],
    stage: 'messages are dropped, and come late',
    shows: ['double', 'reorder'],
  },
  {
    lacks: 'the holding back while it repairs',
    edits: [
      {
        file: CURSOR,
        code: 'this.#hold(entry);\n      return NOTHING;',
        instead: 'return { lost: undefined, deliver: [entry], read: undefined };',
      },
    ],
    stage: 'messages are dropped, and answers come late',
    shows: ['gap', 'reorder', 'double'],
  },
  {
    lacks: 'the memory of message ids',
    edits: [
      {
        file: 'transport/redis/scripts/log-append.ts',
        code: "if known and known ~= '' then",
        instead: 'if false then',
      },
    ],
    stage: 'acknowledgements are lost',
    shows: ['appended-twice'],
  },
  {
    lacks: 'the word of an append about the one before it',
    edits: [
      {
        file: 'transport/redis/redis-appends.ts',
        code: 'before ? [...keys, before.call.keys[2]] : keys',
        instead: 'before ? keys : keys',
      },
    ],
    stage: 'Redis forgets its scripts',
    shows: ['log-disorder'],
  },
  {
    lacks: 'the undoing of an append that is refused in the middle',
    edits: [
      {
        file: 'transport/redis/scripts/log-append.ts',
        code: "redis.call('HSET', meta, 'e', epoch, 's', top, 't', topTag)",
        instead: '',
      },
    ],
    stage: 'Redis lacks a right for a while',
    shows: ['hole-in-log'],
  },
  {
    lacks: 'the forgetting of the id of an append that is refused in the middle',
    edits: [
      {
        file: 'transport/redis/scripts/log-append.ts',
        code: "redis.pcall('SET', once, '', 'PX', 1)",
        instead: '',
      },
    ],
    stage: 'Redis lacks a right for a while',
    shows: ['acknowledged-vanished'],
  },
  {
    lacks: 'the order of what waits',
    edits: [
      {
        file: 'cluster/history/publishing/outbox.ts',
        code: 'const leaving = this.#waiting.splice(0);',
        instead: 'const leaving = this.#waiting.splice(0).reverse();',
      },
    ],
    stage: 'an instance is cut off',
    shows: ['log-disorder'],
  },
  {
    lacks: 'the waiting while Redis is away',
    edits: [
      {
        file: 'cluster/history/publishing/history-publisher.ts',
        code: 'frame, FORGOTTEN).catch(onUnsent);',
        instead: 'frame, { ...FORGOTTEN, waits: false }).catch(() => {});',
      },
    ],
    stage: 'an instance is cut off',
    shows: ['emit-vanished'],
  },
  {
    lacks: 'the word for what is lost',
    edits: [
      {
        file: 'cluster/history/consuming/log-consumer.ts',
        code: 'if (lost) this.#follower.lost(this, lost);',
        instead: '',
      },
    ],
    stage: 'Redis comes back empty',
    shows: ['gap'],
  },
  {
    lacks: 'the trust in a log that has what is missing',
    edits: [
      {
        file: CURSOR,
        code: 'const common = lastCommonOffset(read, delivered);',
        instead: 'const common = lastCommonOffset(read, delivered) && undefined;',
      },
    ],
    stage: 'messages are dropped',
    shows: ['unjustified-lost'],
  },
  {
    lacks: 'the word for what came before a member that joined cut off was there',
    edits: [
      {
        file: 'cluster/history/consuming/log-consumer.ts',
        code: 'if (isFirst && this.#joinedOffline) this.#sayJoinedOffline(top);',
        instead: '',
      },
    ],
    stage: 'members join an instance that is cut off',
    shows: ['gap'],
  },
  {
    lacks: 'the wait of a join for its place',
    edits: [
      {
        file: 'cluster/history/consuming/log-consumers.ts',
        code: 'return log.placed();\n  }\n\n  #join(',
        instead: '}\n\n  #join(',
      },
    ],
    stage: 'members join over a slow network',
    shows: ['gap'],
  },
  {
    lacks: 'the end of trying when an id may be forgotten',
    edits: [
      {
        file: 'cluster/history/publishing/outbox.ts',
        code: 'if (triedForMs <= item.append.idempotencyTtlMs * TRUSTED_PART_OF_ID) this.#try(item);',
        instead: 'if (triedForMs >= 0) this.#try(item);',
      },
    ],
    stage: 'acknowledgements are lost for longer than ids are known',
    shows: ['appended-twice'],
  },
  {
    lacks: 'the catching up of those who did not read',
    edits: [
      {
        file: 'cluster/history/catch-up/slow-client-catch-up.ts',
        code: 'if (!log || !isIn(log, member) || isThere(log, at)) {',
        instead: 'if (at) {',
      },
    ],
    stage: 'a member does not read',
    shows: ['gap'],
  },
];
