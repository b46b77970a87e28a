import { Inject } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { OnGatewayConnection } from '@nestjs/websockets';
import { Backplane } from 'nestjs-redis-backplane';
import type { Audience, BackplaneServer, BackplaneSocket } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import { binaryOf, textOf } from './smoke.protocol.js';
import type { SmokeCommand, SmokeEvents } from './smoke.protocol.js';

const PATH = '/smoke';
const MOST_READ = 1_000;

/**
 * Sends what it is told to whom it is told: for `npm run demo -- --smoke`, and absent otherwise.
 */
@WebSocketGateway({ path: PATH })
export class SmokeGateway implements OnGatewayConnection<BackplaneSocket> {
  @WebSocketServer() private readonly server!: BackplaneServer<SmokeEvents>;

  constructor(
    private readonly backplane: Backplane,
    @Inject(INSTANCE) private readonly instance: Instance,
  ) {}

  handleConnection(client: BackplaneSocket<SmokeEvents>): void {
    client.emit('welcome', {
      connectionId: client.id,
      instance: this.instance.name,
      status: this.backplane.status,
    });
  }

  @SubscribeMessage('join')
  async join(
    @ConnectedSocket() client: BackplaneSocket,
    @MessageBody() rooms: string[],
  ): Promise<boolean> {
    await client.join(rooms);
    return true;
  }

  @SubscribeMessage('run')
  async run(
    @ConnectedSocket() client: BackplaneSocket<SmokeEvents>,
    @MessageBody() command: SmokeCommand,
  ): Promise<boolean> {
    const audience = this.#audience(client, command);
    const { as, mark, published } = command;
    if (published === 'once') await audience.publish('mark', { mark });
    else if (published === 'twice') {
      await audience.publish('mark', { mark }, { id: mark });
      await audience.publish('mark', { mark }, { id: mark });
    } else if (as === 'event') audience.emit('mark', { mark });
    else audience.send(as === 'text' ? textOf(mark) : binaryOf(mark));
    return true;
  }

  /** The marks in the history of a room, as this worker reads them. */
  @SubscribeMessage('read')
  async read(@MessageBody() room: string): Promise<string[]> {
    const { entries } = await this.server.history(room, { limit: MOST_READ });
    return entries.map(({ data }) => (data as SmokeEvents['mark']).mark);
  }

  @SubscribeMessage('barrier')
  barrier(@MessageBody() number: number): boolean {
    this.server.emit('barrier', { number, instance: this.instance.name });
    return true;
  }

  #audience(client: BackplaneSocket<SmokeEvents>, command: SmokeCommand): Audience<SmokeEvents> {
    const { to, toUser, toConnection, except, exceptConnection } = command;
    let audience = this.#everyone(client, command.from);
    if (to) audience = audience.to(...to);
    if (toUser) audience = audience.toUser(...toUser);
    if (toConnection) audience = audience.toConnection(...toConnection);
    if (except) audience = audience.except(...except);
    if (exceptConnection) audience = audience.exceptConnection(...exceptConnection);
    if (command.volatile) audience = audience.volatile;
    return command.local ? audience.local : audience;
  }

  /** To leave out nobody is to address everybody. */
  #everyone(
    client: BackplaneSocket<SmokeEvents>,
    from: SmokeCommand['from'],
  ): Audience<SmokeEvents> {
    if (from === 'client') return client.broadcast;
    if (from === 'injected') return this.backplane.hub<SmokeEvents>(PATH).except();
    return this.server.except();
  }
}
