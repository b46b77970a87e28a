import { Injectable, Module } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  Backplane,
  BackplaneServer,
  BackplaneSocket,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';

@WebSocketGateway({ path: '/chat' })
export class ChatGateway {
  @WebSocketServer() server!: BackplaneServer;

  @SubscribeMessage('join')
  async join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string) {
    await client.join(room);
    return { joined: room };
  }

  @SubscribeMessage('say')
  say(@MessageBody() { room, text }: { room: string; text: string }) {
    this.server.to(room).emit('said', text);
  }
}

@Injectable()
export class OrdersService {
  constructor(private readonly backplane: Backplane) {}

  changed(id: string) {
    this.backplane.hub('/chat').to(`order:${id}`).emit('changed', id);
  }
}

export interface Settings {
  redis: string;
  eventKeys?: string[];
}

@Module({ providers: [ChatGateway, OrdersService], exports: [ChatGateway, OrdersService] })
export class ChatModule {}

/** As of an app: the settings come from its configuration. */
export function appModule(settings: Settings) {
  @Module({ imports: [RedisBackplaneModule.forRoot(settings), ChatModule] })
  class AppModule {}
  return AppModule;
}
