/** The process of a publisher without clients: `node host.js <file of the publisher>`. */
import 'reflect-metadata';

import { textOf } from '../common/text.js';
import { serveRunner } from '../processes/rpc.js';
import { usage } from '../processes/usage.js';
import type { ServerSettings } from '../common/target.js';
import type { PublishAll, PublishWork, StartPublisher } from './publisher.js';

const WAVE = 250;
/** So that neither Redis nor the publisher waits for the other. */
const WAVES_AT_ONCE = 2;

let publishAll: PublishAll;

serveRunner({
  start: async (settings: ServerSettings) => {
    const { start } = (await import(`./${process.argv[2]}.js`)) as { start: StartPublisher };
    publishAll = await start(settings);
  },
  publish,
  usage,
});

/** Resolves with the seconds that it took. */
async function publish({ rooms, payloadBytes, count }: PublishWork): Promise<number> {
  const text = textOf(payloadBytes);
  const begun = performance.now();
  let next = 0;
  const waves = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next += WAVE;
      const wave = Array.from({ length: WAVE }, (_, i) => `room-${(first + i) % rooms}`);
      await publishAll(wave, text);
    }
  };
  await Promise.all(Array.from({ length: WAVES_AT_ONCE }, waves));
  return (performance.now() - begun) / 1_000;
}
