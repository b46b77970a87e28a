import { randomUUID } from 'node:crypto';
import { Inject, UsePipes } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect, OnGatewayInit } from '@nestjs/websockets';
import { Backplane } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import type { ChatData, ChatServer, ChatSocket, ChatUser, Origin, Roster } from './chat.events.js';
import { PollMessage, RoomMessage, SayMessage, WhisperMessage } from './chat.messages.js';
import { CHAT_PATH, originOf } from './origin.js';
import { PulseService } from './pulse.service.js';
import { SurveyService } from './survey.service.js';
import { messageValidation } from './validation.js';

/** A chat, written as for one process. That there are several is the backplane's business. */
@UsePipes(messageValidation)
@WebSocketGateway({ path: CHAT_PATH })
export class ChatGateway
  implements
    OnGatewayInit<ChatServer>,
    OnGatewayConnection<ChatSocket>,
    OnGatewayDisconnect<ChatSocket>
{
  @WebSocketServer() private readonly server!: ChatServer;
  private readonly from: Origin;

  constructor(
    private readonly backplane: Backplane,
    private readonly pulse: PulseService,
    private readonly survey: SurveyService,
    @Inject(INSTANCE) private readonly instance: Instance,
  ) {
    this.from = originOf(instance);
  }

  afterInit(server: ChatServer): void {
    this.pulse.countWith(() => server.clients.size);
  }

  handleConnection(client: ChatSocket): void {
    client.data = { user: userOf(client), from: this.from } satisfies ChatData;
    client.emit('welcome', {
      connectionId: client.id,
      user: userOf(client),
      instance: this.instance,
      backplane: this.backplane.status,
    });
    this.pulse.beat();
  }

  handleDisconnect(client: ChatSocket): void {
    const user = userOf(client);
    for (const room of client.rooms) client.to(room).emit('left', { from: this.from, room, user });
  }

  @SubscribeMessage('join')
  async join(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room }: RoomMessage,
  ): Promise<{ room: string }> {
    await client.join(room);
    client.to(room).emit('joined', { from: this.from, room, user: userOf(client) });
    return { room };
  }

  @SubscribeMessage('leave')
  async leave(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room }: RoomMessage,
  ): Promise<{ room: string }> {
    await client.leave(room);
    client.to(room).emit('left', { from: this.from, room, user: userOf(client) });
    return { room };
  }

  @SubscribeMessage('say')
  say(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room, text }: SayMessage,
  ): { id: string } {
    if (!client.rooms.has(room)) throw new WsException(`Join "${room}" before you speak there.`);
    const id = randomUUID();
    const user = userOf(client);
    this.server.to(room).emit('said', { id, at: Date.now(), from: this.from, room, user, text });
    return { id };
  }

  /** To all tabs of one user, and to all tabs of the one who whispers; to one copy each if they are the same. */
  @SubscribeMessage('whisper')
  whisper(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { to, text }: WhisperMessage,
  ): { id: string } {
    const id = randomUUID();
    const user = userOf(client);
    this.server.toUser(to, user.id).emit('whispered', {
      id,
      at: Date.now(),
      from: this.from,
      user,
      to: { id: to, name: to },
      text,
    });
    return { id };
  }

  /** A hint that may be lost: a client that is behind has more important things to read. */
  @SubscribeMessage('typing')
  typing(@ConnectedSocket() client: ChatSocket, @MessageBody() { room }: RoomMessage): void {
    const user = userOf(client);
    client.to(room).volatile.emit('typing', { from: this.from, room, user });
  }

  /** Across all workers. */
  @SubscribeMessage('who')
  who(): Promise<Roster> {
    return this.survey.whoIsHere();
  }

  /** Asks every tab, on every worker; the answers are counted as they come. */
  @SubscribeMessage('ask-everyone')
  askEveryone(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { text }: PollMessage,
  ): { id: string } {
    return this.survey.begin(text, userOf(client));
  }

  /** Ends the process that serves this client, as an orderly deploy would: all its clients are told to come back. */
  @SubscribeMessage('stop-instance')
  stopInstance(): { stopping: string } {
    if (!this.instance.restarts) {
      throw new WsException('This worker runs alone: nobody would start it again.');
    }
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
    return { stopping: this.instance.name };
  }
}

function userOf(client: ChatSocket): ChatUser {
  return (client.user as ChatUser | undefined) ?? { id: client.id, name: 'Guest' };
}
