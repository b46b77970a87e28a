import { MessageBody, SubscribeMessage } from '@nestjs/websockets';

/** Gateways inherit the barrier of {@link WsClient.settle} from here. */
export abstract class Echoing {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }
}
