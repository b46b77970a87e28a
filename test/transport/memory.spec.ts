import { expect, it } from '@jest/globals';
import { MemoryBus } from '../../lib/transport/memory/memory-bus.js';
import { MemoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { closeAfterEach } from '../support/cleanup.js';
import { nextTurn } from '../support/wait-for.js';
import { describeTransport } from './conformance.js';
import { Recorder } from './recorder.js';

describeTransport('MemoryTransport', () => {
  const bus = new MemoryBus();
  return { make: () => new MemoryTransport(bus) };
});

const track = closeAfterEach();

it('MemoryTransport meets others on its own bus only', async () => {
  const recorders = [new MemoryBus(), new MemoryBus()].map((bus) =>
    track(new Recorder(new MemoryTransport(bus))),
  );
  for (const recorder of recorders) {
    await recorder.start();
    await recorder.transport.subscribe(['c']);
  }
  await recorders[0]!.transport.publish('c', Buffer.from('1'));
  await nextTurn(2);
  expect(recorders.map(({ messages }) => messages.length)).toEqual([1, 0]);
});

it('MemoryTransport delivers in a later turn, as a socket would', async () => {
  const recorder = track(new Recorder(new MemoryTransport(new MemoryBus())));
  await recorder.start();
  await recorder.transport.subscribe(['c']);
  const taken = recorder.transport.publish('c', Buffer.from('1'));
  await Promise.resolve();
  expect(recorder.messages).toHaveLength(0);
  await taken;
  expect(recorder.messages).toHaveLength(1);
});

it('MemoryTransport forgets what was asked of it before a restart', async () => {
  const recorder = track(new Recorder(new MemoryTransport(new MemoryBus())));
  await recorder.start();
  const asked = recorder.transport.subscribe(['c']);
  recorder.transport.restart();
  await expect(asked).rejects.toThrow('restarted');
  await recorder.transport.publish('c', Buffer.from('1'));
  expect(recorder.messages).toHaveLength(0);
});
