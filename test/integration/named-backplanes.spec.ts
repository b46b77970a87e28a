import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import {
  type Backplane,
  type BackplaneServer,
  getBackplaneToken,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { Gate } from '../support/gate.js';
import { bootApp } from '../support/nest-app.js';
import { WsClient } from '../support/ws-client.js';

@WebSocketGateway()
class NewsGateway {
  @WebSocketServer() server!: BackplaneServer;
}

describe('Of several named backplanes, none of them the default', () => {
  const track = closeAfterEach();

  it.each(['early', 'late'])(
    'the first by name serves the gateways, also if it is %s',
    async (when) => {
      const gate = new Gate();
      const [first, second] = ['a', 'b'].map((name) => {
        const isHeld = (name === 'a') === (when === 'late');
        return RedisBackplaneModule.forRootAsync({
          name,
          useFactory: async () => {
            if (isHeld) await gate.opened;
            else setImmediate(() => setImmediate(() => gate.open()));
            return { redis: 'memory', eventKeys: [`${when}-${name}`] };
          },
        });
      });
      const app = track(await bootApp({ imports: [second!, first!], providers: [NewsGateway] }));
      const client = track(await WsClient.connect(app.url()));
      const [a, b] = ['a', 'b'].map((name) => app.app.get<Backplane>(getBackplaneToken(name)));
      b!.emit('from', 'b');
      a!.emit('from', 'a');
      expect(await client.next()).toEqual({ event: 'from', data: 'a' });
    },
  );
});
