import type { SmokeCommand } from '../../smoke/smoke.protocol.js';
import type { Player } from './gather.js';
import type { Reading } from './judge-history.js';
import type { Kind } from './kinds.js';
import { markText } from './mark.js';
import { withTimeLimit } from './time-limit.js';

/** How many of each kind a worker sends: enough to see an order. */
export const COPIES = 3;
const ROUND_TIMEOUT_MS = 10_000;

/** A run that began: its rounds are the kinds of broadcast, one after the other. */
export class Play {
  /** How many kinds were sent. */
  rounds = 0;

  constructor(
    private readonly kinds: readonly Kind[],
    private readonly players: readonly Player[],
    private readonly names: readonly string[],
  ) {}

  /**
   * Each worker sends each kind. That nothing more is on its way is known by barriers, which every
   * worker sends to everyone after it: two more at the end, so that a straggler has had every
   * chance to come.
   */
  async run(stop: AbortSignal): Promise<void> {
    for (const kindNumber of this.kinds.keys()) {
      this.rounds++;
      await withTimeLimit(ROUND_TIMEOUT_MS, stop, async (signal) => {
        for (let copy = 0; copy < COPIES; copy++) await this.#send(kindNumber, copy, signal);
        await this.#barrier(kindNumber, signal);
      });
    }
    for (const more of [0, 1]) {
      await withTimeLimit(ROUND_TIMEOUT_MS, stop, (signal) =>
        this.#barrier(this.kinds.length + more, signal),
      );
    }
  }

  /** What each worker finds in the history of a room. */
  read(room: string, stop: AbortSignal): Promise<Reading[]> {
    return withTimeLimit(ROUND_TIMEOUT_MS, stop, (signal) =>
      Promise.all(
        this.#senders.map(async ({ client, member: { worker } }) => {
          return { worker, marks: await client.read(room, signal) };
        }),
      ),
    );
  }

  async #send(kindNumber: number, copy: number, signal: AbortSignal): Promise<void> {
    const cast = this.players.map(({ member }) => member);
    const kind = this.kinds[kindNumber]!;
    await Promise.all(
      this.#senders.map(({ client, member }) => {
        const mark = markText({ kind: kindNumber, worker: member.worker, copy });
        const basis: SmokeCommand = { mark, as: 'event', from: 'server' };
        return client.run({ ...basis, ...kind.command(member, cast) }, signal);
      }),
    );
  }

  async #barrier(number: number, signal: AbortSignal): Promise<void> {
    await Promise.all(this.#senders.map(({ client }) => client.raiseBarrier(number, signal)));
    await Promise.all(
      this.players.map(({ client }) => client.passBarrier(number, this.names, signal)),
    );
  }

  get #senders(): Player[] {
    return this.players.filter(({ member }) => member.seat === 0);
  }
}
