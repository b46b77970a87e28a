import { expect, it } from '@jest/globals';
import { createBackplane } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnEach } from './fixtures/backends.js';
import { Instance } from './fixtures/instance.js';
import { waitFor } from '../support/wait-for.js';

describeOnEach('Names that reach nobody', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('are in the log, at debug level, each once: a room that is a connection, an id that is none', async () => {
    const instance = track(await Instance.boot({ backplane: backend.options() }));
    const [one, two] = [track(await instance.connect()), track(await instance.connect())];
    const lines = () =>
      instance.booted.log.matching(/^DEBUG .*(name of a connection|not the id of)/);
    for (let i = 0; i < 3; i++) instance.server.to(one.id).emit('to', i);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toContain(`The room "${one.id}"`);
    expect(lines()[0]).toContain('Write toConnection(id).');
    instance.server.except(two.id).emit('to', 'all but it');
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toContain('Write exceptConnection(id).');
    instance.server.toConnection('lobby').emit('to', 'nobody');
    instance.server.exceptConnection('hall').emit('to', 'all');
    expect(lines()).toHaveLength(4);
    expect(lines()[2]).toContain('"lobby" is not the id of a connection');
    instance.server.to('lobby').emit('to', 'a room');
    instance.server.to('project-settings.main').emit('to', 'a room that looks like one');
    instance.server.toConnection(one.id).emit('to', 'one');
    expect(lines()).toHaveLength(4);
    const three = track(await instance.connect());
    expect(await instance.server.to(three.id).countByInstance()).toMatchObject({ total: 0 });
    expect(lines()).toHaveLength(5);
  });

  it('are not in the log where the app has a room of that name', async () => {
    const instance = track(await Instance.boot({ backplane: backend.options() }));
    const peer = track(await instance.connect());
    await peer.socket.join(peer.id);
    instance.server.to(peer.id).emit('to', 'one');
    expect(await peer.ws.nextEvent('to')).toBe('one');
    expect(instance.booted.log.matching('name of a connection')).toEqual([]);
  });

  it('are in the log, each once: a hub that nobody serves', async () => {
    const where = backend.options();
    const instance = track(await Instance.boot({ backplane: where }));
    const { backplane, booted } = instance;
    const lines = () => booted.log.matching(/^DEBUG .*No known instance serves/);
    for (let i = 0; i < 3; i++) backplane.hub('chat').to('r').emit('to', i);
    expect(lines()).toEqual([
      expect.stringContaining(
        'serves the hub "chat". These hubs are served: "/chat". Write hub("/chat").',
      ),
    ]);
    await backplane.hub('/Chat/').publish('to', 1);
    await backplane.hub('chats').countByInstance();
    backplane.hub('events').serverSideEmit('told');
    backplane.emit('to', 'the hub of gateways without a path');
    expect(lines().map((line) => /hub "([^"]+)"/.exec(line)?.[1])).toEqual([
      'chat',
      '/Chat/',
      'chats',
      'events',
      '/',
    ]);
    expect(lines()[2]).not.toContain('Write');
    // Who listens to server events of a hub, as a worker may, has no clients there.
    backplane.hub('workers').onServerEvent('told', () => {});
    await backplane.ready();
    backplane.hub('workers').serverSideEmit('told');
    expect(lines()).toHaveLength(5);
    backplane.hub('workers').emit('to', 1);
    expect(lines().splice(5)).toEqual([expect.stringContaining('serves the hub "workers"')]);
    backplane.hub('/chat').emit('to', 'everyone');
    backplane.hub('/chat').serverSideEmit('told');
    expect(lines()).toHaveLength(6);
  });

  it('are not taken for wrong by a process that has no gateway, as long as some instance serves them', async () => {
    const where = backend.options();
    const worker = await createBackplane(where);
    track({ dispose: () => worker.close() });
    worker.hub('chat').emit('to', 'before anybody is known');
    // Nest's log is one for all of a process.
    const { log } = track(await Instance.boot({ backplane: where })).booted;
    await waitFor('the other instance', async () => (await worker.instances()).length === 2);
    worker.hub('/chat').emit('to', 1);
    expect(log.matching('known here')).toEqual([]);
    worker.hub('chat').emit('to', 2);
    expect(log.matching('Write hub("/chat")')).toHaveLength(1);
  });
});
