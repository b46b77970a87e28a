import { createBackplane } from 'nestjs-redis-backplane';

import { HISTORY, PATH } from '../common/target.js';
import type { StartPublisher } from './publisher.js';

export const start: StartPublisher = async ({ redis }) => {
  const history = [{ rooms: '*', ...HISTORY }];
  const backplane = await createBackplane({ redis: { ...redis }, history, failFast: true });
  const hub = backplane.hub(PATH);
  return (rooms, text) => Promise.all(rooms.map((room) => hub.to(room).publish('said', { text })));
};
