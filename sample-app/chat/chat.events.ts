import type { BackplaneServer, BackplaneSocket } from 'nestjs-redis-backplane';
import type { Instance } from '../instance/instance.js';

/** Where something came from: the page shows each instance by a name and a colour. */
export type Origin = Pick<Instance, 'name' | 'number' | 'pid'>;

export interface ChatUser {
  id: string;
  name: string;
}

/** What the server sends: the event map of the gateway. */
export interface ServerEvents {
  welcome: {
    connectionId: string;
    user: ChatUser;
    instance: Instance;
    backplane: string;
  };
  said: { id: string; at: number; from: Origin; room: string; user: ChatUser; text: string };
  whispered: { id: string; at: number; from: Origin; user: ChatUser; to: ChatUser; text: string };
  announced: { id: string; at: number; from: Origin; text: string };
  joined: { from: Origin; room: string; user: ChatUser };
  left: { from: Origin; room: string; user: ChatUser };
  typing: { from: Origin; room: string; user: ChatUser };
  /** Each instance, every few seconds. */
  pulse: { from: Origin; connections: number };
  /** An instance that ends. */
  leaving: { from: Origin };
  /** The state of the serving instance's backplane, when it changes. */
  backplane: { status: string };
}

export type ChatServer = BackplaneServer<ServerEvents>;
export type ChatSocket = BackplaneSocket<ServerEvents>;
