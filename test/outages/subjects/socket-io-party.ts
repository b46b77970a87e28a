import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type IoServer, type NodeRedis, peer } from './socket-io-packages.js';
import { EVENT, type Numbered, type Party, type PartySettings, ROOM } from './subject.js';

export type AdapterName = 'classic' | 'streams';

/**
 * A Socket.IO server with one of its Redis adapters, as its documentation sets it up, with clients
 * of its own kind.
 */
export class SocketIoParty implements Party {
  static async start(adapter: AdapterName, { redisPort }: PartySettings): Promise<SocketIoParty> {
    const socket = { host: '127.0.0.1', port: redisPort };
    const publisher = peer('redis').createClient({ socket });
    const subscriber = publisher.duplicate();
    // Without a listener the first lost connection would end the process.
    for (const client of [publisher, subscriber]) client.on('error', () => {});
    await Promise.all([publisher.connect(), subscriber.connect()]);
    const http = createServer();
    const { Server } = peer('socket.io');
    const io = new Server(http, { adapter: adapterOf(adapter, publisher, subscriber) });
    io.on('connection', (client) => void client.join(ROOM));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new SocketIoParty(http, io);
  }

  private constructor(
    private readonly http: HttpServer,
    private readonly io: IoServer,
  ) {}

  emit(message: Numbered): void {
    this.io.to(ROOM).emit(EVENT, message);
  }

  async listen(onMessage: (message: Numbered) => void): Promise<void> {
    const { port } = this.http.address() as AddressInfo;
    const client = peer('socket.io-client').io(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
    });
    client.on(EVENT, onMessage);
    await new Promise<void>((resolve) => client.on('connect', () => resolve()));
  }

  told(): Readonly<Record<string, number>> {
    return {};
  }
}

function adapterOf(name: AdapterName, publisher: NodeRedis, subscriber: NodeRedis): unknown {
  if (name === 'streams') return peer('@socket.io/redis-streams-adapter').createAdapter(publisher);
  return peer('@socket.io/redis-adapter').createAdapter(publisher, subscriber);
}
