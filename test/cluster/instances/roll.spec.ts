import { beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceRecord } from '../../../lib/cluster/instances/instance-record.js';
import { Roll } from '../../../lib/cluster/instances/roll.js';

const record = (id: string, former: string[] = []): InstanceRecord => ({
  id,
  host: 'h',
  pid: 1,
  startedAt: 1,
  connections: 0,
  hubs: [],
  listens: [],
  former,
});

describe('The roll', () => {
  let news: string[];
  let roll: Roll;

  beforeEach(() => {
    news = [];
    roll = new Roll({
      joined: ({ id }) => news.push(`+${id}`),
      gone: ({ id }, how) => news.push(`-${id} ${how}`),
    });
  });

  const ids = () => roll.all().map(({ id }) => id);

  it('does not tell of those that were there before', () => {
    roll.call([record('a')], roll.time);
    expect([ids(), news]).toEqual([['a'], []]);
    roll.call([record('a'), record('b')], roll.time);
    expect(news).toEqual(['+b']);
  });

  it('tells once of one that announces itself and is then called', () => {
    roll.call([], roll.time);
    roll.add(record('a'));
    roll.add(record('a'));
    roll.call([record('a')], roll.time);
    expect(news).toEqual(['+a']);
  });

  it('takes out who is not called any more', () => {
    roll.call([record('a'), record('b')], roll.time);
    expect(roll.call([record('b')], roll.time).map(({ id }) => id)).toEqual(['b']);
    expect(news).toEqual(['-a lost']);
  });

  it('keeps one that joined after the leases were asked for', () => {
    roll.call([], roll.time);
    const { time } = roll;
    roll.add(record('a'));
    roll.call([], time);
    expect([ids(), news]).toEqual([['a'], ['+a']]);
    roll.call([], roll.time);
    expect(ids()).toEqual([]);
  });

  it('never lets one return that has gone, whatever older news say', () => {
    roll.call([record('a')], roll.time);
    roll.remove('a', 'left');
    expect(roll.call([record('a')], roll.time)).toEqual([]);
    roll.add(record('a'));
    expect([ids(), news]).toEqual([[], ['-a left']]);
  });

  it('knows an instance by its former ids, and buries them', () => {
    roll.call([record('a')], roll.time);
    roll.add(record('b', ['a']));
    expect(roll.find('a')?.id).toBe('b');
    expect(roll.find('b')?.id).toBe('b');
    expect(roll.find('c')).toBeUndefined();
    expect(news).toEqual(['-a lost', '+b']);
  });
});
