import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { closeAfterEach } from './cleanup.js';
import { TcpProxy } from './tcp-proxy.js';
import { waitFor, waitForEvent } from './wait-for.js';

describe('TcpProxy', () => {
  const track = closeAfterEach();

  /** A server that answers each chunk with the same chunk, behind a proxy. */
  async function echoBehindProxy() {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    track({
      dispose: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => server.close(resolve));
      },
    });
    return track(await TcpProxy.start((server.address() as AddressInfo).port));
  }

  async function dial(proxy: TcpProxy) {
    const socket = connect(proxy.port, '127.0.0.1');
    track({ dispose: () => socket.destroy() });
    const peer = { socket, text: '' };
    socket.on('error', () => {}).on('data', (chunk) => (peer.text += chunk));
    await once(socket, 'connect');
    return peer;
  }

  it('forwards and counts', async () => {
    const proxy = await echoBehindProxy();
    const peer = await dial(proxy);
    peer.socket.write('hello');
    await waitFor('the echo', () => peer.text === 'hello');
    expect(proxy.bytes).toEqual({ toServer: 5, toClient: 5 });
    peer.socket.end();
    await waitForEvent(peer.socket, 'close');
    await waitFor('the link to go', () => proxy.connections === 0);
  });

  it('cuts, refuses and accepts again', async () => {
    const proxy = await echoBehindProxy();
    const peer = await dial(proxy);
    const closed = waitForEvent(peer.socket, 'close');
    proxy.cut();
    await closed;
    proxy.refuse();
    await expect(dial(proxy)).rejects.toThrow('ECONNREFUSED');
    await proxy.acceptAgain();
    const second = await dial(proxy);
    second.socket.write('x');
    await waitFor('the echo', () => second.text === 'x');
  });

  it.each(['toServer', 'toClient'] as const)('stalls %s, and lets flow in order', async (way) => {
    const proxy = await echoBehindProxy();
    const peer = await dial(proxy);
    proxy.stall(way);
    peer.socket.write('a');
    await waitFor('the byte to be swallowed', () => proxy.bytes[way] === 1);
    peer.socket.write('b');
    await waitFor('the next one too', () => proxy.bytes[way] === 2);
    expect(peer.text).toBe('');
    expect(proxy.bytes.toClient).toBe(way === 'toServer' ? 0 : 2);
    proxy.flow();
    await waitFor('both', () => peer.text === 'ab');
  });

  it('delays', async () => {
    const proxy = await echoBehindProxy();
    const peer = await dial(proxy);
    proxy.delay(50);
    const start = performance.now();
    peer.socket.write('a');
    await waitFor('the echo', () => peer.text === 'a');
    expect(performance.now() - start).toBeGreaterThanOrEqual(95);
  });
});
