import { expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { transformFile } from '@swc/core';
import { closeAfterEach } from './cleanup.js';
import { describeWithRedis, RedisServer } from './redis-server.js';
import { waitFor, waitForEvent } from './wait-for.js';

describeWithRedis('RedisServer', () => {
  const track = closeAfterEach();

  it('answers, with and without a password', async () => {
    const open = track(await RedisServer.start());
    const closed = track(await RedisServer.start({ password: 'a b:c' }));

    expect(await open.cli('PING')).toBe('PONG');
    expect(await closed.client().ping()).toBe('PONG');
    expect(closed.url).toBe(`redis://:a%20b%3Ac@127.0.0.1:${closed.port}`);
    await expect(closed.client({ password: 'wrong' }).ping()).rejects.toThrow(/WRONGPASS|NOAUTH/);
  });

  it('restarts on its port with empty memory, and control clients reconnect', async () => {
    const server = track(await RedisServer.start());
    const control = server.client();
    await control.set('key', 'value');
    const lost = waitForEvent(control, 'close');
    await server.kill();
    await lost;
    await expect(server.cli('PING')).rejects.toThrow();
    await server.restart();
    expect(await control.get('key')).toBeNull();
  });

  it('freezes and goes on', async () => {
    const server = track(await RedisServer.start());
    const control = server.client();
    await control.ping();
    server.pause();
    let answered = false;
    const answer = control.ping().then(() => (answered = true));
    await expect(waitFor('an answer', () => answered, 100)).rejects.toThrow('in vain');
    server.resume();
    await answer;
  });

  it('passes arguments on', async () => {
    const server = track(await RedisServer.start({ args: ['--maxclients', '17'] }));
    expect(await server.cli('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', '17']);
  });

  it('stops more than once, also when frozen', async () => {
    const server = await RedisServer.start();
    const { pid } = server;
    server.pause();
    await server.stop();
    await server.stop();
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
  });

  it('does not survive the process that started it', async () => {
    const { code } = await transformFile(join(import.meta.dirname, 'kill-when-orphaned.ts'));
    const script = `${code}
      const child = spawn('sleep', ['60'], { stdio: 'ignore' });
      killWhenOrphaned(child.pid);
      process.stdout.write(String(child.pid), () => process.kill(process.pid, 'SIGKILL'));`;
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(signal).toBe('SIGKILL');
    const pid = Number(stdout.toString());
    expect(pid).toBeGreaterThan(0);
    await waitFor('the orphan to end', () => !isRunning(pid));
  });
});

function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)]);
  const state = stdout.toString().trim();
  return state !== '' && !state.startsWith('Z');
}
