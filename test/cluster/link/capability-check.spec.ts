import { describe, expect, it } from '@jest/globals';
import { CapabilityCheck, needsOf } from '../../../lib/cluster/link/capability-check.js';
import type { BackplaneStatus } from '../../../lib/cluster/link/link.js';
import type { Capability, Need, Refusal } from '../../../lib/transport/transport.js';
import { FakeLogger } from '../fake-logger.js';

const NO_EVAL: Omit<Refusal, 'need'> = { reason: 'NOPERM eval', fix: 'Give it.' };

describe('The check of what is permitted', () => {
  type Found = Capability | Promise<never>;
  type Listener = (status: BackplaneStatus) => void;

  function set(found: Found = { refusals: [], warnings: [] }) {
    const logger = new FakeLogger();
    let listener: Listener = () => {};
    const stage: {
      logger: FakeLogger;
      found: Found;
      asked: (readonly Need[])[];
      become: (status: BackplaneStatus) => Promise<void>;
    } = {
      logger,
      found,
      asked: [],
      become: (status: BackplaneStatus) => {
        listener(status);
        return check.settled();
      },
    };
    const check = new CapabilityCheck({
      transport: {
        check: async (needs) => {
          stage.asked.push(needs);
          return stage.found;
        },
      },
      link: {
        onStatus: (given) => {
          listener = given;
          return () => (listener = () => {});
        },
      },
      needs: ['leases', 'append'],
      timeoutMs: 50,
      logger,
    });
    return Object.assign(stage, { check });
  }
  const refusals = (...needs: Need[]): Capability => ({
    refusals: needs.map((need) => ({ need, ...NO_EVAL })),
    warnings: [],
  });

  it('is made each time that the link is ready, and says nothing where all is permitted', async () => {
    const stage = set();
    for (const status of ['ready', 'degraded', 'ready', 'closed'] as const)
      await stage.become(status);
    expect(stage.asked).toEqual([
      ['leases', 'append'],
      ['leases', 'append'],
    ]);
    expect(stage.logger.lines).toEqual([]);
  });

  it('tells what is refused in one line: words, what does not work, how to fix it; each once', async () => {
    const stage = set(refusals('leases', 'append'));
    await stage.become('ready');
    expect(stage.logger.lines).toHaveLength(1);
    const [line] = stage.logger.lines;
    expect(line!.match(/NOPERM eval/g)).toHaveLength(1);
    expect(line!.match(/Give it\./g)).toHaveLength(1);
    expect(line).toMatch(
      /instances do not know of each other.*no message enters a room with history/,
    );
  });

  it('tells the same only once, and again after it was mended', async () => {
    const stage = set(refusals('append'));
    await stage.become('ready');
    await stage.become('ready');
    expect(stage.logger.lines).toHaveLength(1);
    stage.found = { refusals: [], warnings: [] };
    await stage.become('ready');
    stage.found = refusals('append');
    await stage.become('ready');
    expect(stage.logger.lines).toHaveLength(2);
  });

  it('warns of what works for now', async () => {
    const stage = set({ refusals: [], warnings: ['look after it'] });
    await stage.become('ready');
    expect(stage.logger.lines).toEqual([expect.stringContaining('look after it')]);
  });

  it('waits no longer than its time, and tells nothing once it is closed', async () => {
    const stage = set(new Promise<never>(() => {}));
    await stage.become('ready');
    stage.found = refusals('append');
    stage.check.close();
    await stage.become('ready');
    expect(stage.logger.lines).toEqual([]);
  });

  it('asks for what the rules need, and for nothing else', () => {
    expect(needsOf([])).toEqual(['leases']);
    expect(needsOf([{ durability: undefined }])).not.toContain('replicate');
    expect(needsOf([{ durability: undefined }, { durability: 'replicated' }])).toEqual(
      expect.arrayContaining(['leases', 'append', 'compare', 'read', 'identify', 'replicate']),
    );
  });
});
