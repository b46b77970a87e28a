import { roomsOf, SEATS, USERS } from './cast.js';
import type { Member } from './cast.js';
import { SmokeClient } from './smoke-client.js';

export interface Player {
  client: SmokeClient;
  member: Member;
}

const TRIES_PER_SEAT = 10;

/**
 * Connects until each worker has a client in each seat. Who lands where somebody sits already goes
 * away again.
 */
export async function gather(
  url: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Player[]> {
  const players: Player[] = [];
  try {
    await fillSeats(players, url, names, signal);
    await Promise.all(players.map(({ client, member }) => client.join(member.rooms, signal)));
    return players;
  } catch (error) {
    await Promise.all(players.map(({ client }) => client.close()));
    throw error;
  }
}

async function fillSeats(
  players: Player[],
  url: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const seats = names.length * SEATS;
  for (let tries = 0; players.length < seats; tries++) {
    if (tries === seats * TRIES_PER_SEAT) {
      throw new Error(`${tries} connections did not fill ${SEATS} seats at each worker`);
    }
    const user = `user-${players.length % USERS}`;
    const client = await SmokeClient.open(`${url}?name=${user}`, signal);
    const { instance, connectionId } = client.welcome;
    const worker = names.indexOf(instance);
    const seat = players.filter(({ member }) => member.worker === worker).length;
    if (worker === -1 || seat === SEATS) {
      await client.close();
      continue;
    }
    const rooms = roomsOf(worker, seat);
    players.push({ client, member: { worker, seat, connectionId, user, rooms } });
  }
}
