import { beforeEach, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisChecks } from '../../../lib/transport/redis/redis-checks.js';
import {
  checkedCommands,
  type CheckKeys,
  type ScriptNeed,
} from '../../../lib/transport/redis/scripts/checked-commands.js';
import { LEASES } from '../../../lib/transport/redis/scripts/leases.js';
import { LOG_APPEND } from '../../../lib/transport/redis/scripts/log-append.js';
import { LOG_READ } from '../../../lib/transport/redis/scripts/log-read.js';
import { LOG_TOPS } from '../../../lib/transport/redis/scripts/log-tops.js';
import type { Need } from '../../../lib/transport/transport.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { RedisServer } from '../../support/redis-server.js';

const NEEDS: readonly ScriptNeed[] = ['leases', 'append', 'compare', 'read'];
const ALL: readonly Need[] = [...NEEDS, 'replicate', 'identify'];
const KEYS: CheckKeys = { log: 'l', meta: 'm', once: 'o', own: 's', channel: 'c' };
const namesOf = (need: ScriptNeed) => checkedCommands(need, KEYS).map(([name]) => name);

describeOnRedis('A check of what Redis permits', (redis) => {
  const track = closeAfterEach();
  let operator: Redis;
  let client: Redis;
  let place: string;

  beforeEach(async () => {
    operator ??= redis.server.client();
    await operator.call('ACL', 'SETUSER', 'checked', 'reset', 'on', '>secret', '+@all', '~*', '&*');
    client ??= redis.server.client({ username: 'checked', password: 'secret' });
    place = `{${uniqueKey()}}:check`;
  });

  const check = (needs: readonly Need[] = NEEDS, places = [place], prefix = '') =>
    new RedisChecks({ commands: client, subscriber: client, ownsCommands: true, prefix }).run(
      needs,
      places,
    );
  const changes = async () =>
    /rdb_changes_since_last_save:(\d+)/.exec(await operator.info('persistence'))![1];

  it.each([
    ['leases', LEASES, []],
    ['append', LOG_APPEND, ['PUBLISH']],
    ['compare', LOG_TOPS, []],
    ['read', LOG_READ, ['XRANGE', 'XREVRANGE']],
  ] as const)(
    'tries each command that the script for %s has, and no other',
    (need, script, byArgument) => {
      const used = Array.from(
        script.matchAll(/(?:redis\.p?call|try)\('([A-Z]+)'/g),
        ([, name]) => name!,
      );
      expect(new Set(namesOf(need))).toEqual(new Set([...used, ...byArgument]));
    },
  );

  it('finds nothing where all is permitted, and changes nothing', async () => {
    const before = [await changes(), await operator.dbsize()];
    expect(await check(ALL)).toEqual([]);
    expect([await changes(), await operator.dbsize()]).toEqual(before);
  });

  it.each(NEEDS)('names each command that is not permitted, of those for %s', async (need) => {
    for (const name of namesOf(need)) {
      await operator.call('ACL', 'SETUSER', 'checked', `-${name}`);
      const [refusal, ...others] = await check([need]);
      expect(others).toEqual([]);
      expect(refusal!.need).toBe(need);
      expect(refusal!.reason).toMatch(new RegExp(`run this command.* \\(${name}\\)$`));
      expect(refusal!.fix).toMatch(new RegExp(`ACL SETUSER <user> \\+${name.toLowerCase()}\\.$`));
      await operator.call('ACL', 'SETUSER', 'checked', '+@all');
    }
  });

  it.each(['eval', 'evalsha', '@scripting'])(
    'names scripts where %s is not permitted',
    async (right) => {
      await operator.call('ACL', 'SETUSER', 'checked', `-${right}`);
      const refusals = await check();
      expect(refusals.map(({ need }) => need)).toEqual(NEEDS);
      for (const { reason, fix } of refusals) {
        expect(reason).toMatch(/^NOPERM .*'eval/);
        expect(fix).toContain('+eval +evalsha');
      }
    },
  );

  it.each([
    ['replicate', 'wait'],
    ['replicate', 'pexpire'],
    ['identify', 'info'],
  ] as const)('names, for %s, %s where it is not permitted', async (need, right) => {
    await operator.call('ACL', 'SETUSER', 'checked', `-${right}`);
    expect(await check([need])).toEqual([
      {
        need,
        reason: expect.stringMatching(new RegExp(`^NOPERM .*\\(${right.toUpperCase()}\\)$`)),
        fix: expect.stringContaining(`+${right}.`),
      },
    ]);
  });

  it('names several commands with the same words once', async () => {
    await operator.call('ACL', 'SETUSER', 'checked', '-xadd', '-set');
    expect(await check(['append'])).toEqual([
      {
        need: 'append',
        reason: expect.stringMatching(/ \(SET, XADD\)$/),
        fix: expect.stringContaining('+set +xadd'),
      },
    ]);
  });

  it('names keys and channels that are not permitted, and those that suffice, with a prefix before them', async () => {
    const key = place.slice(0, place.indexOf(':'));
    const granted = [
      `~shop:log:${key}:*`,
      `~shop:top:${key}:*`,
      `~shop:once:${key}:*`,
      `~shop:${key}:*`,
    ];
    const all = ['resetkeys', 'resetchannels', ...granted, `&shop:${key}:*`];
    await operator.call('ACL', 'SETUSER', 'checked', ...all);
    expect(await check(NEEDS, [place], 'shop:')).toEqual([]);
    await operator.call('ACL', 'SETUSER', 'checked', 'resetkeys', `~shop:${key}:*`);
    const [leases, ...logs] = await check(NEEDS, [place], 'shop:');
    for (const { reason, fix } of [leases!, ...logs]) {
      expect(reason).toMatch(/key/);
      expect(fix).toContain(granted.join(' '));
    }
    await operator.call('ACL', 'SETUSER', 'checked', 'allkeys', 'resetchannels', '&other');
    expect(await check(NEEDS, [place], 'shop:')).toEqual([
      {
        need: 'append',
        reason: expect.stringMatching(/channel.*\(PUBLISH\)$/),
        fix: expect.stringContaining(`&shop:${key}:*`),
      },
    ]);
  });

  it('asks at each place', async () => {
    const other = `{${uniqueKey()}}:check`;
    await operator.call('ACL', 'SETUSER', 'checked', 'resetkeys', `~*${place.slice(1, -1)}*`);
    expect(await check(['leases'], [place])).toEqual([]);
    expect(await check(['leases'], [place, other])).toHaveLength(1);
  });

  it.each([
    ['maxmemory', '1', '0', /^OOM .*\(SET, XADD, HSET\)$/, /more memory/],
    ['min-replicas-to-write', '1', '0', /^NOREPLICAS /, /min-replicas-to-write/],
  ])('names what the server refuses for its %s', async (setting, bad, good, words, fix) => {
    await operator.config('SET', setting, bad);
    const refusals = await check(['append']).finally(
      () => void operator.config('SET', setting, good),
    );
    expect(refusals).toHaveLength(1);
    expect(refusals[0]!.reason).toMatch(words);
    expect(refusals[0]!.fix).toMatch(fix);
  });

  it('names a command that the server has under another name', async () => {
    const server = track(await RedisServer.start({ args: ['--rename-command', 'XADD', 'MYXADD'] }));
    const commands = server.client();
    const checks = new RedisChecks({
      commands,
      subscriber: commands,
      ownsCommands: true,
      prefix: '',
    });
    const [refusal, ...others] = await checks.run(NEEDS, [place]);
    expect(others).toEqual([]);
    expect(refusal).toEqual({
      need: 'append',
      reason: expect.stringMatching(/^ERR Unknown Redis command.*\(XADD\)$/),
      fix: expect.stringMatching(/lacks XADD, or has it under another name/),
    });
  });

  it('says nothing where Redis does not answer', async () => {
    const gone = redis.server.client({ retryStrategy: () => null, maxRetriesPerRequest: 0 });
    gone.disconnect();
    const checks = new RedisChecks({
      commands: gone,
      subscriber: gone,
      ownsCommands: true,
      prefix: '',
    });
    await expect(checks.run(NEEDS, [place])).rejects.toThrow(/closed/);
  });
});
