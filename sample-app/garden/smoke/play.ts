import type { SmokeCommand } from '../../smoke/smoke.protocol.js';
import type { Player } from './gather.js';
import type { Kind } from './kinds.js';
import { markText } from './mark.js';

/** How many of each kind a worker sends: enough to see an order. */
export const COPIES = 3;
const BARRIER_TIMEOUT_MS = 10_000;

/**
 * Each worker sends each kind. That nothing more is on its way is known by barriers, which every worker sends to everyone
 * after it: two more at the end, so that a straggler has had every chance to come.
 */
export async function play(
  kinds: readonly Kind[],
  players: readonly Player[],
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const senders = players.filter(({ member }) => member.seat === 0);
  const cast = players.map(({ member }) => member);

  const send = async ({ client, member }: Player, kindNumber: number, copy: number) => {
    const mark = markText({ kind: kindNumber, worker: member.worker, copy });
    const basis: SmokeCommand = { mark, as: 'event', from: 'server' };
    await client.run({ ...basis, ...kinds[kindNumber]!.command(member, cast) }, signal);
  };

  const barrier = async (number: number) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(BARRIER_TIMEOUT_MS)]);
    await Promise.all(senders.map(({ client }) => client.raiseBarrier(number, limit)));
    await Promise.all(players.map(({ client }) => client.passBarrier(number, names, limit)));
  };

  for (const kindNumber of kinds.keys()) {
    for (let copy = 0; copy < COPIES; copy++) {
      await Promise.all(senders.map((sender) => send(sender, kindNumber, copy)));
    }
    await barrier(kindNumber);
  }
  await barrier(kinds.length);
  await barrier(kinds.length + 1);
}
