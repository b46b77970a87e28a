import { randomUUID } from 'node:crypto';
import { Inject, UseFilters, UsePipes } from '@nestjs/common';
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
import type {
  Audience,
  ContinuityLoss,
  LossReason,
  OnContinuityLost,
} from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import type {
  ChatData,
  ChatServer,
  ChatSocket,
  ChatUser,
  Origin,
  Past,
  Roster,
  Said,
  ServerEvents,
  Whispered,
} from './chat.events.js';
import { PollMessage, RoomMessage, SayMessage, WhisperMessage } from './chat.messages.js';
import { CHAT_PATH, originOf } from './origin.js';
import { pastOf } from './past.js';
import { PulseService } from './pulse.service.js';
import { RedisSwitch } from './redis-switch.js';
import { hintsOf, roomOf, roomsOf, talkOf } from './rooms.js';
import { SurveyService } from './survey.service.js';
import { UnavailableFilter } from './unavailable.filter.js';
import { messageValidation } from './validation.js';

const MANY = 1_000;

/** A chat, written as for one process. That there are several is the backplane's business. */
@UsePipes(messageValidation)
@UseFilters(UnavailableFilter)
@WebSocketGateway({ path: CHAT_PATH })
export class ChatGateway
  implements
    OnGatewayInit<ChatServer>,
    OnGatewayConnection<ChatSocket>,
    OnGatewayDisconnect<ChatSocket>,
    OnContinuityLost
{
  @WebSocketServer() private readonly server!: ChatServer;
  private readonly from: Origin;

  constructor(
    private readonly backplane: Backplane,
    private readonly pulse: PulseService,
    private readonly survey: SurveyService,
    private readonly redisSwitch: RedisSwitch,
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
      redis: this.redisSwitch.state,
    });
    this.pulse.beat();
  }

  handleDisconnect(client: ChatSocket): void {
    for (const room of roomsOf(client))
      this.hint(client, room).emit('left', this.whoIs(client, room));
  }

  /** What a page has to say then: something is missing here. It reads the history anew. */
  onContinuityLost(
    client: ChatSocket | undefined,
    talk: string | undefined,
    reason: LossReason,
    { userId }: ContinuityLoss,
  ): void {
    const { local } = this.server;
    const members = talk === undefined ? local.toUser(userId!) : local.to(talk);
    (client ?? members).emit('missed', { room: talk && roomOf(talk), reason });
  }

  /**
   * Joining a room twice changes nothing: a page that has missed something does, for the answer.
   */
  @SubscribeMessage('join')
  async join(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room }: RoomMessage,
  ): Promise<{ past: Past<Said> | null }> {
    const isNew = !client.rooms.has(talkOf(room));
    await client.join(talkOf(room), hintsOf(room));
    if (isNew) this.hint(client, room).emit('joined', this.whoIs(client, room));
    return { past: await pastOf<Said>((options) => this.server.history(talkOf(room), options)) };
  }

  @SubscribeMessage('leave')
  async leave(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room }: RoomMessage,
  ): Promise<{ room: string }> {
    await client.leave(talkOf(room), hintsOf(room));
    this.hint(client, room).emit('left', this.whoIs(client, room));
    return { room };
  }

  /**
   * Waits for Redis as long as that takes. A page that lost its worker meanwhile says it again,
   * with the same id, which counts for its user only.
   */
  @SubscribeMessage('say')
  async say(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { id, room, text }: SayMessage,
  ): Promise<{ duplicate: boolean }> {
    const talk = talkOf(room);
    if (!client.rooms.has(talk))
      throw new WsException(`Join ${JSON.stringify(room)} before you speak there.`);
    const said = { id, at: Date.now(), from: this.from, room, user: userOf(client), text };
    const sending = { id, scope: said.user.id, queue: true };
    const published = await this.server.to(talk).publish('said', said, sending);
    return { duplicate: published!.duplicate };
  }

  /**
   * To all tabs of one user, and to all tabs of the one who whispers; to one copy each if they are
   * the same.
   */
  @SubscribeMessage('whisper')
  async whisper(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { id, to, text }: WhisperMessage,
  ): Promise<{ duplicate: boolean }> {
    const user = userOf(client);
    const whispered = { id, at: Date.now(), from: this.from, user, to: { id: to, name: to }, text };
    const both = this.server.toUser(to, user.id);
    const sending = { id, scope: user.id, queue: true };
    const published = await both.publish('whispered', whispered, sending);
    return { duplicate: published!.duplicate };
  }

  /** What was whispered to the user and by the user. */
  @SubscribeMessage('whispers')
  async whispers(
    @ConnectedSocket() { userId }: ChatSocket,
  ): Promise<{ past: Past<Whispered> | null }> {
    if (userId === undefined) return { past: { messages: [], more: false } };
    return { past: await pastOf<Whispered>((options) => this.server.userHistory(userId, options)) };
  }

  /** A hint that may be lost: a client that is behind has more important things to read. */
  @SubscribeMessage('typing')
  typing(@ConnectedSocket() client: ChatSocket, @MessageBody() { room }: RoomMessage): void {
    this.hint(client, room).volatile.emit('typing', this.whoIs(client, room));
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

  /**
   * As many messages as that, in one turn, to everyone. They have no history: an outage holds up
   * what goes to the other workers.
   */
  @SubscribeMessage('send-many')
  sendMany(@ConnectedSocket() client: ChatSocket): { id: string } {
    const user = userOf(client);
    const burst = { id: randomUUID(), of: MANY, at: Date.now(), from: this.from, user };
    for (let number = 1; number <= MANY; number++) this.server.emit('burst', { ...burst, number });
    return { id: burst.id };
  }

  /** By which a page can tell how old a message is. */
  @SubscribeMessage('clock')
  clock(): { at: number } {
    return { at: Date.now() };
  }

  /**
   * Ends the process that serves this client, as an orderly deployment would: the close code asks
   * all its clients to reconnect.
   */
  @SubscribeMessage('stop-instance')
  stopInstance(): { stopping: string } {
    if (!this.instance.restarts) {
      throw new WsException('This worker runs alone: nobody would start it again.');
    }
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
    return { stopping: this.instance.name };
  }

  /** For all instances: each goes on with its own clients. */
  @SubscribeMessage('pause-redis')
  pauseRedis(): void {
    this.redisSwitch.turn('paused');
  }

  @SubscribeMessage('resume-redis')
  resumeRedis(): void {
    this.redisSwitch.turn('open');
  }

  /** Whoever else is in the room. */
  private hint(client: ChatSocket, room: string): Audience<ServerEvents> {
    return client.to(hintsOf(room));
  }

  private whoIs(client: ChatSocket, room: string): ServerEvents['joined'] {
    return { from: this.from, room, user: userOf(client) };
  }
}

function userOf(client: ChatSocket): ChatUser {
  return (client.user as ChatUser | undefined) ?? { id: client.id, name: 'Guest' };
}
