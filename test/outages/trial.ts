import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.js';
import { type Figures, figuresOf, isWhole } from './figures.js';
import type { Outage } from './outages.js';
import { type Arrival, type Recording, type Side, SIDES } from './recording.js';
import { Sending } from './sending.js';
import type { Party, Subject } from './subjects/subject.js';
import { World } from './world.js';

export interface Pace {
  /** For how long messages are sent, and after how much of it the outage begins. */
  readonly sendMs: number;
  readonly beforeMs: number;
  readonly awayMs: number;
}

export interface TrialResult {
  readonly figures: Figures;
  /** Calls of `emit` that threw. */
  readonly thrown: number;
  /** What the instances themselves count. */
  readonly told: Readonly<Record<Side, Readonly<Record<string, number>>>>;
}

/** Nothing more is expected after so long a silence. */
const QUIET_MS = 8_000;
const WARM_UP_EVERY_MS = 50;

/** One subject in one outage. */
export class Trial {
  readonly #heard: Record<Side, Arrival[]> = { a: [], b: [] };
  /** Who has been heard where, as `a at b`. */
  readonly #ways = new Set<string>();

  constructor(
    private readonly subject: Subject,
    private readonly outage: Outage,
    private readonly pace: Pace,
    private readonly windowMs?: number,
  ) {}

  async play(): Promise<TrialResult> {
    const world = await World.start();
    try {
      const window = this.windowMs === undefined ? {} : { windowMs: this.windowMs };
      const a = await this.subject.start({ redisPort: world.redis.port, ...window });
      const b = await this.subject.start({ redisPort: world.proxy.port, ...window });
      return await this.#observe(world, { a, b });
    } finally {
      await world.stop();
    }
  }

  async #observe(world: World, parties: Readonly<Record<Side, Party>>): Promise<TrialResult> {
    for (const side of SIDES) await this.#listen(side, parties[side]);
    await this.#warmUp(parties);
    const sending = new Sending(parties, this.pace.sendMs);
    await delay(this.pace.beforeMs);
    await this.outage.begin(world);
    await delay(this.pace.awayMs);
    await this.outage.end(world);
    const recording = { sent: sending.sent, heard: this.#heard, backAt: performance.now() };
    await sending.done;
    await this.#untilWholeOrQuiet(recording);
    return {
      figures: figuresOf(recording),
      thrown: sending.thrown,
      told: { a: parties.a.told(), b: parties.b.told() },
    };
  }

  async #listen(side: Side, party: Party): Promise<void> {
    await party.listen(({ from, n }) => {
      if (n === 0) this.#ways.add(`${from} at ${side}`);
      else this.#heard[side].push({ from, n, at: performance.now() });
    });
  }

  async #warmUp(parties: Readonly<Record<Side, Party>>): Promise<void> {
    const timer = setInterval(() => {
      for (const from of SIDES) parties[from].emit({ from, n: 0 });
    }, WARM_UP_EVERY_MS);
    try {
      await waitFor('messages of both instances at both', () => this.#ways.size === 4);
    } finally {
      clearInterval(timer);
    }
  }

  async #untilWholeOrQuiet(recording: Recording): Promise<void> {
    const newest = (): number =>
      Math.max(recording.backAt, ...SIDES.map((side) => this.#heard[side].at(-1)?.at ?? 0));
    await waitFor(
      'the last message',
      () => isWhole(recording) || performance.now() - newest() > QUIET_MS,
      120_000,
      100,
    );
    // A double may come yet.
    await delay(500);
  }
}
