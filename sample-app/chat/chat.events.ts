import type { BackplaneServer, BackplaneSocket, LossReason } from 'nestjs-redis-backplane';
import type { Instance } from '../instance/instance.js';
import type { RedisState } from './redis-switch.js';

/** Where something came from: the page shows each instance by a name and a colour. */
export type Origin = Pick<Instance, 'name' | 'number' | 'pid'>;

export interface ChatUser {
  id: string;
  name: string;
}

export interface Tally {
  id: string;
  text: string;
  yes: number;
  no: number;
  /** Once it has ended: how many did not answer. */
  missing?: number;
}

/** Who is here, across all workers. */
export interface Roster {
  total: number;
  people: { user: ChatUser; from: Origin; tabs: number }[];
  /** Workers that did not say in time. */
  missing: number;
}

/**
 * A message that somebody wrote in a room. The page gives it an id: a message that is sent again
 * under its id is not shown twice.
 */
export interface Said {
  id: string;
  at: number;
  from: Origin;
  room: string;
  user: ChatUser;
  text: string;
}

/** What somebody said to one person. */
export interface Whispered {
  id: string;
  at: number;
  from: Origin;
  user: ChatUser;
  to: ChatUser;
  text: string;
}

/** The newest messages of a history, oldest first. */
export interface Past<Message> {
  messages: Message[];
  /** There are older ones. */
  more: boolean;
}

/** What the server sends: the event map of the gateway. */
export interface ServerEvents {
  welcome: {
    connectionId: string;
    user: ChatUser;
    instance: Instance;
    backplane: string;
    redis: RedisState;
  };
  said: Said;
  whispered: Whispered;
  announced: { id: string; at: number; from: Origin; text: string };
  /**
   * Messages were lost for this client, in a room or, with none, among those to its user. What
   * follows is whole again.
   */
  missed: { room?: string; reason: LossReason };
  joined: { from: Origin; room: string; user: ChatUser };
  left: { from: Origin; room: string; user: ChatUser };
  typing: { from: Origin; room: string; user: ChatUser };
  /** A question to everyone, which wants `true` or `false` for an answer. */
  poll: { id: string; text: string; user: ChatUser; from: Origin; seconds: number };
  /** How it stands, with each answer, and in the end. */
  tally: Tally;
  /** Each instance, every few seconds. */
  pulse: { from: Origin; connections: number };
  /** One of many that somebody sends at once, to everyone: numbered from 1. */
  burst: {
    id: string;
    number: number;
    of: number;
    at: number;
    from: Origin;
    user: ChatUser;
  };
  /** An instance that ends. */
  leaving: { from: Origin };
  /** The state of the serving instance's backplane, when it changes. */
  backplane: { status: string };
  /** Somebody has paused the Redis of all instances, or let it go on. */
  redis: { state: RedisState };
}

export type ChatServer = BackplaneServer<ServerEvents>;
export type ChatSocket = BackplaneSocket<ServerEvents>;

/** What a connection shows of itself to other workers. */
export interface ChatData {
  user: ChatUser;
  from: Origin;
}
