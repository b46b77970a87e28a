import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Log } from '../../sample-app/workers/log.js';
import { answersPing } from '../../sample-app/workers/redis/answers-ping.js';
import type { DemoRedis } from '../../sample-app/workers/redis/demo-redis.js';
import { embeddedRedis } from '../../sample-app/workers/redis/embedded-redis.js';
import { findOnPath } from '../../sample-app/workers/redis/find-on-path.js';
import { climbRedisLadder } from '../../sample-app/workers/redis/ladder.js';
import { redactUrl } from '../../sample-app/workers/redis/redact-url.js';
import { SpawnedRedis } from '../../sample-app/workers/redis/spawned-redis.js';
import { describeWithRedis, findRedisServer } from '../support/redis-server.js';

const noRedis: DemoRedis = {
  source: 'embedded',
  url: 'redis://127.0.0.1:1',
  note: '',
  close: async () => {},
};

class Said implements Log {
  readonly lines: string[] = [];
  say = (text: string) => void this.lines.push(text);
  event = this.say;
}

describe('where the Redis of the demo comes from', () => {
  let folder: string;
  let log: Said;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backplane-ladder-'));
    log = new Said();
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function program(name: string, text = '#!/bin/sh\nexit 3\n'): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, text);
    await chmod(file, 0o755);
    return file;
  }

  function climb(env: NodeJS.ProcessEnv, spawn?: (program: string) => Promise<DemoRedis>) {
    const refuse = (name: string) => Promise.reject(new Error(`${name} was not to be started`));
    return climbRedisLadder(env, log, { spawn: spawn ?? refuse, embed: async () => noRedis });
  }

  test('REDIS_URL is taken as it is, and shown without its secret', async () => {
    await program('redis-server');
    const redis = await climb({ PATH: folder, REDIS_URL: 'redis://me:secret@cache:6380/2' });
    expect(redis).toMatchObject({ source: 'given', url: 'redis://me:secret@cache:6380/2' });
    expect(redis.note).toBe('redis://***@cache:6380/2 (REDIS_URL)');
  });

  test('REDIS_URL=memory says that the workers will not hear each other', async () => {
    const redis = await climb({ REDIS_URL: 'memory' });
    expect(redis.note).toContain('every worker is an island');
  });

  test('without it, a server on PATH: redis-server before valkey-server', async () => {
    const started: string[] = [];
    const spawn = async (name: string) => {
      started.push(name);
      return noRedis;
    };
    const valkey = await program('valkey-server');
    await climb({ PATH: folder, REDIS_URL: '' }, spawn);
    const redis = await program('redis-server');
    await climb({ PATH: folder }, spawn);
    expect(started).toEqual([valkey, redis]);
  });

  test('without one, the embedded server', async () => {
    expect(await climb({ PATH: folder })).toBe(noRedis);
    expect(await climb({})).toBe(noRedis);
    expect(log.lines).toEqual([]);
  });

  test('a server that does not start is said, and the embedded one taken', async () => {
    const broken = await program('redis-server', '#!/bin/sh\necho no memory for you\nexit 3\n');
    const redis = await climb({ PATH: folder }, (name) => SpawnedRedis.start(name, log));
    expect(redis).toBe(noRedis);
    expect(log.lines).toEqual([
      `Cannot use the Redis on PATH: ${broken} ended with code 3: no memory for you`,
    ]);
  });

  test('a program is found by PATH: executable files only', async () => {
    await writeFile(join(folder, 'redis-server'), 'not executable');
    expect(findOnPath(['redis-server'], folder)).toBeUndefined();
    const other = join(folder, 'other');
    await mkdir(join(other, 'valkey-server'), { recursive: true });
    expect(findOnPath(['valkey-server'], other)).toBeUndefined();
    const found = await program('keydb');
    expect(findOnPath(['keydb'], ['/nowhere', '', folder].join(delimiter))).toBe(found);
    expect(findOnPath(['keydb'], undefined)).toBeUndefined();
  });

  test.each([
    ['redis://localhost:6379', 'redis://localhost:6379'],
    ['rediss://:p%40ss@host', 'rediss://***@host'],
    ['redis://user:a@b@host:1/0?x=1', 'redis://***@host:1/0?x=1'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  test('the embedded server answers, and ends when it is closed', async () => {
    const redis = await embeddedRedis();
    const { hostname, port } = new URL(redis.url);
    expect(await answersPing(hostname, Number(port))).toBe(true);
    await redis.close();
    expect(await answersPing(hostname, Number(port))).toBe(false);
  });
});

describeWithRedis('a Redis of the demo’s own', () => {
  test('is on loopback, and ends when it is closed', async () => {
    const redis = await SpawnedRedis.start(findRedisServer()!, new Said());
    const { hostname, port } = new URL(redis.url);
    try {
      expect(hostname).toBe('127.0.0.1');
      expect(await answersPing(hostname, Number(port))).toBe(true);
    } finally {
      await redis.close();
    }
    expect(await answersPing(hostname, Number(port))).toBe(false);
    await redis.close();
  });
});
