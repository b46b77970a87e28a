/** The process of one server under test: `node host.js <file of the target>`. */
import 'reflect-metadata';

import { loopDelay, watchLoop } from '../processes/loop-delay.js';
import { startProfile, stopProfile } from '../processes/profiler.js';
import { serveRunner } from '../processes/rpc.js';
import { collectGarbage, memory, usage } from '../processes/usage.js';
import type { ServerSettings, StartServer } from '../common/target.js';

serveRunner({
  start: async (settings: ServerSettings) => {
    const { start } = (await import(`./${process.argv[2]}.js`)) as { start: StartServer };
    return start(settings);
  },
  usage,
  memory,
  collectGarbage,
  watchLoop,
  loopDelay,
  startProfile,
  stopProfile,
});
