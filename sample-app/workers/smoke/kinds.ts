import type { SmokeCommand } from '../../smoke/smoke.protocol.js';
import { at, BLUE, KEPT, ODD, RED } from './cast.js';
import type { Member } from './cast.js';

/** One kind of broadcast: how to ask for it, and, said independently, who must get it. */
export interface Kind {
  name: string;
  command(sender: Member, cast: readonly Member[]): Partial<SmokeCommand>;
  reaches(member: Member, sender: Member, cast: readonly Member[]): boolean;
  /** The room whose history has it, in the one order in which all members get it. */
  keptIn?: string;
}

const isIn = (room: string) => (member: Member) => member.rooms.includes(room);
const isInRed = isIn(RED);
const isInBlue = isIn(BLUE);

export const kinds: readonly Kind[] = [
  {
    name: 'all',
    command: () => ({}),
    reaches: () => true,
  },
  {
    name: 'room',
    command: () => ({ to: [RED] }),
    reaches: isInRed,
  },
  {
    name: 'several rooms, one copy',
    command: () => ({ to: [RED, BLUE] }),
    reaches: (member) => isInRed(member) || isInBlue(member),
  },
  {
    name: 'all but a room',
    command: () => ({ except: [BLUE] }),
    reaches: (member) => !isInBlue(member),
  },
  {
    name: 'all but a connection',
    command: (sender, cast) => ({ exceptConnection: [neighbour(sender, cast).connectionId] }),
    reaches: (member, sender, cast) => member !== neighbour(sender, cast),
  },
  {
    name: 'room but another room',
    command: () => ({ to: [RED], except: [BLUE] }),
    reaches: (member) => isInRed(member) && !isInBlue(member),
  },
  {
    name: 'room with an odd name',
    command: () => ({ to: [ODD] }),
    reaches: isIn(ODD),
  },
  {
    name: 'user',
    command: (sender, cast) => ({ toUser: [neighbour(sender, cast).user] }),
    reaches: (member, sender, cast) => member.user === neighbour(sender, cast).user,
  },
  {
    name: 'several users',
    command: (sender, cast) => ({ toUser: twoUsers(sender, cast) }),
    reaches: (member, sender, cast) => twoUsers(sender, cast).includes(member.user),
  },
  {
    name: 'user and room, one copy',
    command: (sender, cast) => ({ toUser: [neighbour(sender, cast).user], to: [BLUE] }),
    reaches: (member, sender, cast) =>
      isInBlue(member) || member.user === neighbour(sender, cast).user,
  },
  {
    name: 'connection',
    command: (sender, cast) => ({ toConnection: [neighbour(sender, cast).connectionId] }),
    reaches: (member, sender, cast) => member === neighbour(sender, cast),
  },
  {
    name: 'all, sender left out',
    command: () => ({ from: 'client' }),
    reaches: (member, sender) => member !== sender,
  },
  {
    name: 'room, sender left out',
    command: () => ({ from: 'client', to: [RED] }),
    reaches: (member, sender) => isInRed(member) && member !== sender,
  },
  {
    name: 'room, volatile',
    // Nobody misses any: who passed the barrier before has read all.
    command: () => ({ volatile: true, to: [RED] }),
    reaches: isInRed,
  },
  {
    name: 'room, published',
    command: () => ({ published: 'once', to: [RED] }),
    reaches: isInRed,
  },
  {
    name: 'local',
    command: () => ({ local: true }),
    reaches: (member, sender) => member.worker === sender.worker,
  },
  {
    name: 'injected Backplane, room',
    command: () => ({ from: 'injected', to: [BLUE] }),
    reaches: isInBlue,
  },
  {
    name: 'raw text',
    command: () => ({ as: 'text', to: [RED] }),
    reaches: isInRed,
  },
  {
    name: 'raw binary',
    command: () => ({ as: 'binary', to: [BLUE] }),
    reaches: isInBlue,
  },
  {
    name: 'room with history, sent twice',
    command: () => ({ to: [KEPT], published: 'twice' }),
    reaches: isIn(KEPT),
    keptIn: KEPT,
  },
];

/** Somebody on the next worker. */
function neighbour(sender: Member, cast: readonly Member[]): Member {
  const workers = Math.max(...cast.map((member) => member.worker)) + 1;
  return at(cast, (sender.worker + 1) % workers, 1);
}

/** Not all: there are more. */
function twoUsers(sender: Member, cast: readonly Member[]): string[] {
  const { user } = neighbour(sender, cast);
  return [user, cast.find((member) => member.user !== user)!.user];
}
