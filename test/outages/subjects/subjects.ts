import { OurParty } from './our-party.js';
import { SocketIoParty } from './socket-io-party.js';
import type { Subject } from './subject.js';

export const OURS = 'ours';

export const subjects: readonly Subject[] = [
  { name: OURS, title: 'ours', start: (settings) => OurParty.start(settings) },
  {
    name: 'classic',
    title: 'Socket.IO, redis-adapter',
    start: (settings) => SocketIoParty.start('classic', settings),
  },
  {
    name: 'streams',
    title: 'Socket.IO, redis-streams-adapter',
    start: (settings) => SocketIoParty.start('streams', settings),
  },
];
