/** The least: the script that the package calls, with the same keys, arguments and bytes, in pipelines of ioredis. */
import { Redis } from 'ioredis';

import { broadcastBytes } from '../processes/library.js';
import { RawLogs } from '../processes/raw-logs.js';
import type { StartPublisher } from './publisher.js';

export const start: StartPublisher = async ({ redis: address }) => {
  const redis = new Redis({ ...address, lazyConnect: true });
  await redis.connect();
  const logs = await RawLogs.on(redis);
  return (rooms, text) => logs.append(rooms, broadcastBytes('said', { text }));
};
