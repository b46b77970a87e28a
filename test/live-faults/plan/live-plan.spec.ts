import { describe, expect, it } from '@jest/globals';
import { describeLiveFault, type LiveFault, type LiveFaultKind } from './live-fault.js';
import { livePlanOf } from './live-plan.js';
import { targetNamed } from './targets.js';

const plans = Array.from({ length: 300 }, (_, seed) => livePlanOf({ seed, seconds: 20 }));
const ACTIONS: readonly LiveFaultKind[] = ['burst', 'change-room', 'reconnect', 'kick', 'mark'];

const isOutage = ({ kind }: LiveFault): boolean => !ACTIONS.includes(kind);
const endOf = (fault: LiveFault): number => fault.atMs + ('forMs' in fault ? fault.forMs : 0);

/** How long faults lasted that follow each other within two seconds. */
function lengthsOf(faults: readonly LiveFault[]): number[] {
  const merged: { from: number; to: number }[] = [];
  for (const fault of faults.filter(isOutage)) {
    const last = merged.at(-1);
    if (last && fault.atMs <= last.to + 2_000) last.to = Math.max(last.to, endOf(fault));
    else merged.push({ from: fault.atMs, to: endOf(fault) });
  }
  return merged.map(({ from, to }) => to - from);
}

describe('a plan for live rooms', () => {
  it('follows from its seed alone', () => {
    for (const seed of [1, 2, 3]) {
      expect(livePlanOf({ seed, seconds: 20 })).toEqual(livePlanOf({ seed, seconds: 20 }));
    }
    expect(livePlanOf({ seed: 1, seconds: 20 }).faults).not.toEqual(
      livePlanOf({ seed: 2, seconds: 20 }).faults,
    );
  });

  it('does every kind of thing, sooner or later, and can be read', () => {
    const faults = plans.flatMap((plan) => plan.faults);
    // A slow network is for the stages of mutants.
    const all: Record<Exclude<LiveFaultKind, 'delay'>, true> = {
      'kill-redis': true,
      'stop-redis': true,
      'block-redis': true,
      'kill-clients': true,
      cut: true,
      stall: true,
      'block-instance': true,
      'kill-instance': true,
      'restart-instance': true,
      burst: true,
      'change-room': true,
      reconnect: true,
      kick: true,
      mark: true,
    };
    expect([...new Set(faults.map(({ kind }) => kind))].sort()).toEqual(Object.keys(all).sort());
    const lines = faults.map(describeLiveFault);
    expect(lines.filter((line) => /undefined|NaN/.test(line))).toEqual([]);
  });

  it('has faults that fit into the window, and others that do not, and ends with its time', () => {
    const [fitting, longer] = [0, 0].map((_, i) =>
      plans.filter(({ faults, windowMs }) =>
        lengthsOf(faults).some((ms) => (i === 0 ? ms <= windowMs : ms > windowMs)),
      ),
    );
    expect(fitting!.length).toBeGreaterThan(plans.length * 0.8);
    expect(longer!.length).toBeGreaterThan(plans.length * 0.2);
    for (const { faults } of plans)
      for (const fault of faults) expect(endOf(fault)).toBeLessThan(20_001);
  });

  it('lasts nowhere longer than the window where it is gentle', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { faults, windowMs } = livePlanOf({ seed, seconds: 20, gentle: true });
      for (const ms of lengthsOf(faults)) expect(ms).toBeLessThan(windowMs);
    }
  });

  it('does the same with bursts and without, but for them', () => {
    const [without, of] = [false, true].map((bursts) =>
      livePlanOf({ seed: 7, seconds: 20, bursts }),
    );
    expect(of!.faults.filter(({ kind }) => kind !== 'burst')).toEqual(without!.faults);
    expect(of!.faults.length).toBeGreaterThan(without!.faults.length);
  });

  it('breaks nothing where it is told so', () => {
    const { faults } = livePlanOf({ seed: 7, seconds: 20, outages: false });
    expect(faults.filter(isOutage)).toEqual([]);
    expect(faults.length).toBeGreaterThan(10);
  });
});

describe('the name of a target', () => {
  it('says whom it means', () => {
    expect(targetNamed('all').everyone).toBe(true);
    expect(targetNamed('room:own 3').rooms).toEqual(['own 3']);
    expect(targetNamed('rooms:a,b').rooms).toEqual(['a', 'b']);
    expect(targetNamed('except:a')).toMatchObject({ rooms: ['a'], exceptRooms: ['muted'] });
    expect(targetNamed('user:u').users).toEqual(['u']);
    expect(targetNamed('connections:x,y').connections).toEqual(['x', 'y']);
    expect(() => targetNamed('what:a')).toThrow('There is no target "what:a".');
  });
});
