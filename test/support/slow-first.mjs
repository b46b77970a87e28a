import Sequencer from '@jest/test-sequencer';

/**
 * Files that take a minute, most of which they wait. Jest would begin them late, as they are small,
 * and then wait for them alone.
 */
const SLOW = /\/test\/(?:transport\/redis\.spec|continuity\/|sample\/|faults|live-faults\/)/;

export default class SlowFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isSlow = ({ path }) => SLOW.test(path);
    return [...sorted.filter(isSlow), ...sorted.filter((test) => !isSlow(test))];
  }
}
