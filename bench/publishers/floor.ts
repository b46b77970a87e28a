/**
 * The least: the script that the package calls, with the same keys, arguments and bytes, in
 * pipelines of ioredis.
 */
import { Redis } from 'ioredis';

import { broadcastEncoder } from '../processes/library.js';
import { RawLogs } from '../processes/raw-logs.js';
import type { StartPublisher } from './publisher.js';

export const start: StartPublisher = async ({ redis: address }) => {
  const redis = new Redis({ ...address, lazyConnect: true });
  await redis.connect();
  const logs = await RawLogs.on(redis);
  const encode = await broadcastEncoder();
  return (rooms, text) => logs.append(rooms, encode('said', { text }));
};
