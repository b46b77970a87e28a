import type { Type } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';

import { eachMessage, type Echo, type Said, type Say } from '../common/target.js';

/** What differs between the targets on Nest: how they join and broadcast. */
export interface Broadcaster {
  connected(server: unknown, client: unknown, request: unknown): void;
  disconnected?(client: unknown): void;
  join(client: unknown, rooms: readonly string[]): Promise<unknown> | void;
  toRoom(server: unknown, room: string, said: Said): void;
  toUser(server: unknown, user: string, said: Said): void;
  /** In one call. */
  toUsers?(server: unknown, users: readonly string[], said: Said): void;
}

interface Answer {
  readonly event: string;
  readonly data: unknown;
}

/** The gateway that all targets on Nest run. */
export function workGateway(options: object, broadcaster: Broadcaster): Type {
  @WebSocketGateway(options)
  class WorkGateway {
    #server: unknown;

    afterInit(server: unknown): void {
      this.#server = server;
    }

    handleConnection(client: unknown, request: unknown): void {
      broadcaster.connected(this.#server, client, request);
    }

    handleDisconnect(client: unknown): void {
      broadcaster.disconnected?.(client);
    }

    @SubscribeMessage('join')
    async join(
      @ConnectedSocket() client: unknown,
      @MessageBody() rooms: string[],
    ): Promise<Answer> {
      await broadcaster.join(client, rooms);
      return { event: 'joined', data: rooms.length };
    }

    @SubscribeMessage('say')
    say(@MessageBody() say: Say): void {
      if (say.together) {
        const users = Array.from({ length: say.names }, (_, i) => `user-${say.first + i}`);
        broadcaster.toUsers?.(this.#server, users, { t: say.t, text: say.text });
        return;
      }
      eachMessage(say, (name, said) => {
        if (say.to === 'room') broadcaster.toRoom(this.#server, name, said);
        else broadcaster.toUser(this.#server, name, said);
      });
    }

    @SubscribeMessage('ask')
    ask(@MessageBody() echo: Echo): Answer {
      return { event: 'answer', data: echo };
    }
  }
  return WorkGateway;
}

/** A gateway with so many handlers that nobody calls. */
export function idleGateway(options: object, handlers: number): Type {
  @WebSocketGateway(options)
  class IdleGateway {}
  for (let i = 0; i < handlers; i++) {
    const handle = (): void => {};
    Object.defineProperty(IdleGateway.prototype, `handle${i}`, { value: handle });
    SubscribeMessage(`event-${i}`)(IdleGateway.prototype, `handle${i}`, { value: handle });
  }
  return IdleGateway;
}
