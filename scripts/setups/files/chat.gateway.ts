import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { BackplaneServer, BackplaneSocket } from 'nestjs-redis-backplane';

@WebSocketGateway({ path: '/chat' })
export class ChatGateway {
  @WebSocketServer() server: BackplaneServer;

  @SubscribeMessage('join')
  async join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string) {
    await client.join(room);
    this.server.to(room).emit('joined', client.id);
  }
}
