import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { closeAfterEach } from './cleanup.js';
import { RequestFailedError, UpgradeRefusedError, WsClient } from './ws-client.js';

describe('WsClient', () => {
  const track = closeAfterEach();
  let http: Server;
  let wss: WebSocketServer;
  let url: string;
  let onConnection: (socket: WebSocket) => void;

  beforeEach(async () => {
    http = createServer();
    wss = new WebSocketServer({ server: http });
    onConnection = () => {};
    wss.on('connection', (socket) => onConnection(socket));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    for (const socket of wss.clients) socket.terminate();
    await new Promise((resolve) => http.close(resolve));
  });

  const connect = async (options = {}) => track(await WsClient.connect(url, options));

  it('loses no frame, from the very first on', async () => {
    onConnection = (socket) => {
      socket.send('{"event":"a","data":1}');
      socket.send('no json');
      socket.send(Buffer.from([1, 2]));
      socket.send('{"event":"b","data":2}');
    };
    const client = await connect();
    expect(await client.nextEvent('b')).toBe(2);
    expect(await client.frames(3)).toEqual([
      { event: 'a', data: 1 },
      'no json',
      Buffer.from([1, 2]),
    ]);
    expect(client.received).toHaveLength(4);
  });

  it('says what it waited for and what had arrived', async () => {
    onConnection = (socket) => socket.send('{"event":"a"}');
    const client = await connect();
    expect(await client.take('the first', () => true)).toBeDefined();
    client.deadlineMs = 50;
    await expect(client.nextEvent('b')).rejects.toThrow(
      'Waited 50 ms in vain for the event "b"; received 1 frames, the last of them [{"event":"a"}]',
    );
  });

  it('does not wait on a connection that is gone', async () => {
    onConnection = (socket) => socket.close(4000, 'bye');
    const client = await connect();
    await expect(client.next()).rejects.toThrow('Closed (4000 "bye") before a frame');
    expect(await client.closed).toEqual({ code: 4000, reason: 'bye' });
  });

  it('finds the answer to its request', async () => {
    onConnection = (socket) =>
      socket.on('message', (raw: Buffer) => {
        const { id, event } = JSON.parse(raw.toString());
        socket.send('{"event":"noise"}');
        socket.send(JSON.stringify(event === 'fail' ? { id, error: 'no' } : { id, data: event }));
      });
    const client = await connect();
    expect(await client.request('hi')).toBe('hi');
    await expect(client.request('fail')).rejects.toThrow(RequestFailedError);
    expect(await client.frames(2)).toEqual([{ event: 'noise' }, { event: 'noise' }]);
  });

  it('settles on what had arrived before the barrier', async () => {
    onConnection = (socket) =>
      socket.on('message', (raw: Buffer) => {
        socket.send('"early"');
        socket.send(raw.toString());
      });
    const client = await connect();
    expect(await client.settle()).toEqual(['early']);
    expect(await client.settle((token) => client.send(token))).toEqual(['early']);
  });

  it('tells how the upgrade was refused', async () => {
    wss.options.verifyClient = (_info, done) => done(false, 401, 'who are you', { 'x-a': '1' });
    const refused = await connect().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UpgradeRefusedError);
    expect(refused).toMatchObject({
      statusCode: 401,
      body: 'who are you',
      headers: { 'x-a': '1' },
    });
  });

  it('closes more than once', async () => {
    const client = await connect();
    await client.close(4001, 'x');
    expect(await client.terminate()).toEqual({ code: 4001, reason: 'x' });
  });
});
