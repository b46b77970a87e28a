import type { Target } from '../common/target.js';

/** The hand-tuned minimum that the others are held against. */
export const FLOOR = 'floor';
export const OURS = 'ours';

const NEST_11 = 'test/nest-11';
const PEERS = 'bench/peers';

export const PEERS_FOLDER = PEERS;

const socketIo = (variant: string, title: string): Target => ({
  name: variant,
  title,
  protocol: 'socket.io',
  server: 'socket-io',
  packages: PEERS,
  variant,
});

export const targets: readonly Target[] = [
  { name: FLOOR, title: 'floor (ws and ioredis, no Nest)', protocol: 'ws', server: 'floor' },
  { name: OURS, title: 'nestjs-redis-backplane', protocol: 'ws', server: 'ours' },
  {
    name: 'ours-nest11',
    title: 'nestjs-redis-backplane on Nest 11',
    protocol: 'ws',
    server: 'ours',
    packages: NEST_11,
  },
  {
    name: 'stock',
    title: 'WsAdapter and hand-written pub/sub',
    protocol: 'ws',
    server: 'stock',
  },
  socketIo('classic', 'Socket.IO, redis-adapter'),
  socketIo('sharded', 'Socket.IO, sharded redis-adapter'),
  socketIo('streams', 'Socket.IO, redis-streams-adapter'),
];

/** The targets that a user could pick in place of ours. */
export const PEER_NAMES: readonly string[] = ['stock', 'classic', 'sharded', 'streams'];
export const SOCKET_IO_NAMES: readonly string[] = ['classic', 'sharded', 'streams'];
