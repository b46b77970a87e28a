import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../support/free-port.js';
import type { LaneRules } from '../../support/lane.js';
import { type Direction, ProxiedLink } from '../../support/proxied-link.js';
import { RespSplitter, stringsOf } from './resp-splitter.js';

/** What a connection is for. */
export type Role = 'commands' | 'subscriber';

export const ROLES: readonly Role[] = ['commands', 'subscriber'];

/** Whether the subscriber is to miss a message on that channel. */
export type Drop = (channel: string, message: Buffer) => boolean;

const SUBSCRIBE = new Set(['subscribe', 'ssubscribe']);
/** What both roles say before anything else. */
const GREETING = new Set([
  'auth',
  'client',
  'config',
  'hello',
  'info',
  'ping',
  'readonly',
  'select',
]);

/**
 * The network between one instance and its Redis. It knows the connections for commands from those
 * that subscribe, and each can fail alone.
 */
export class RedisProxy {
  static async start(targetPort: number): Promise<RedisProxy> {
    const proxy = new RedisProxy(targetPort, await freePort());
    await new Promise<void>((resolve, reject) => {
      proxy.#listener.once('error', reject);
      proxy.#listener.listen(proxy.port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  readonly port: number;
  /** How many messages {@link drop} has taken away. */
  dropped = 0;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  readonly #blocked = new Set<Role>();
  readonly #stalled = new Set<Role>();
  readonly #delaysMs: Record<Role, number> = { commands: 0, subscriber: 0 };
  #targetPort: number;
  #drop: Drop | undefined;

  private constructor(targetPort: number, port: number) {
    this.#targetPort = targetPort;
    this.port = port;
    this.#listener = createServer((socket) => this.#accept(socket));
  }

  /** Leads to another Redis from now on; what is open breaks. */
  switchTo(targetPort: number): void {
    this.#targetPort = targetPort;
    this.cut(ROLES);
  }

  /** Breaks the connections of these roles, and those that have not shown theirs. */
  cut(roles: readonly Role[]): void {
    for (const connection of this.#connections) {
      if (!connection.role || roles.includes(connection.role)) connection.destroy();
    }
  }

  /** Breaks the connections of these roles, and every new one as soon as it shows its role. */
  block(roles: readonly Role[]): void {
    for (const role of roles) this.#blocked.add(role);
    this.cut(roles);
  }

  admit(roles: readonly Role[]): void {
    for (const role of roles) this.#blocked.delete(role);
  }

  /** A silent network: what is said is kept, in order, until {@link flow}. */
  stall(roles: readonly Role[]): void {
    for (const role of roles) this.#stalled.add(role);
  }

  flow(roles: readonly Role[]): void {
    for (const role of roles) this.#stalled.delete(role);
    for (const connection of this.#connections) connection.pump();
  }

  /** Each byte from now on takes this long, in each direction. */
  delay(roles: readonly Role[], ms: number): void {
    for (const role of roles) this.#delaysMs[role] = ms;
  }

  /** Takes single published messages out of what subscribers are sent; undefined: none. */
  drop(drop: Drop | undefined): void {
    this.#drop = drop;
  }

  /** Undoes all that is being done to the network. */
  heal(): void {
    this.admit(ROLES);
    this.delay(ROLES, 0);
    this.drop(undefined);
    this.flow(ROLES);
  }

  async dispose(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(client: Socket): void {
    if (ROLES.every((role) => this.#blocked.has(role))) {
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(client, connect(this.#targetPort, '127.0.0.1'), {
      isStalled: (role) => this.#stalled.has(role),
      delayMs: (role) => this.#delaysMs[role],
      isDropped: (channel, message) => {
        if (!this.#drop?.(channel, message)) return false;
        this.dropped++;
        return true;
      },
      shown: (role) => {
        if (this.#blocked.has(role)) connection.destroy();
      },
      gone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}

interface Network {
  isStalled(role: Role): boolean;
  delayMs(role: Role): number;
  isDropped(channel: string, message: Buffer): boolean;
  shown(role: Role): void;
  gone(): void;
}

class Connection {
  role: Role | undefined;
  readonly #network: Network;
  readonly #link: ProxiedLink;
  readonly #requests = new RespSplitter();
  readonly #replies = new RespSplitter();

  constructor(client: Socket, server: Socket, network: Network) {
    this.#network = network;
    const rules = {
      toServer: this.#rules((chunk) => this.#takeRequests(chunk)),
      toClient: this.#rules((chunk) => this.#takeReplies(chunk)),
    } satisfies Record<Direction, LaneRules>;
    this.#link = new ProxiedLink(client, server, rules, () => network.gone());
  }

  pump(): void {
    this.#link.pump();
  }

  destroy(): void {
    this.#link.destroy();
  }

  #rules(take: (chunk: Buffer) => Buffer): LaneRules {
    const network = this.#network;
    return {
      isStalled: () => this.role !== undefined && network.isStalled(this.role),
      delayMs: () => (this.role ? network.delayMs(this.role) : 0),
      take,
    };
  }

  #takeRequests(chunk: Buffer): Buffer {
    if (this.role) return chunk;
    for (const request of this.#requests.push(chunk)) {
      const name = stringsOf(request)?.[0]?.toString('latin1').toLowerCase() ?? '';
      if (GREETING.has(name)) continue;
      this.role = SUBSCRIBE.has(name) ? 'subscriber' : 'commands';
      this.#network.shown(this.role);
      break;
    }
    return chunk;
  }

  #takeReplies(chunk: Buffer): Buffer {
    if (this.role === 'commands') return chunk;
    return Buffer.concat(this.#replies.push(chunk).filter((reply) => !this.#isDropped(reply)));
  }

  #isDropped(reply: Buffer): boolean {
    const [type, channel, message] = stringsOf(reply) ?? [];
    if (!type || !channel || !message || !/^s?message$/.test(type.toString('latin1'))) return false;
    return this.#network.isDropped(channel.toString(), message);
  }
}
