import { messageOf } from '../../errors/quote.js';
import { Frame } from '../../hub/frame.js';
import { AckCollector } from './ack-collector.js';
import type { Reply } from './answer-stream.js';
import type { Connection } from '../connection.js';
import type { Identity } from '../instances/identity.js';
import { instanceOf } from '../instances/instance-id.js';
import type { Question } from './question.js';
import type { SocketDescription } from './remote-socket.js';
import type { ServedHub } from '../served-hub.js';
import type { ServedHubs } from '../served-hubs.js';
import type { ServerEvents } from '../servers/server-events.js';
import type { ThrottledLog } from '../throttled-log.js';

/** The answer to `count`, `join`, `leave` and `disconnect`. */
export interface DoneMessage {
  readonly connections: number;
  /** Named connections of this instance that there are not. */
  readonly unknown: readonly string[];
}

/** The answer to `fetch`. */
export interface FetchedMessage {
  readonly sockets: readonly Omit<SocketDescription, 'instanceId'>[];
  readonly unknown: readonly string[];
}

export interface ResponderOptions {
  readonly identity: Identity;
  readonly hubs: ServedHubs;
  readonly serverEvents: ServerEvents;
  readonly log: ThrottledLog;
}

/** Answers questions about the connections of this instance, whoever asks. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #collectors = new Set<AckCollector>();

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** How many questions to clients are open here. */
  get size(): number {
    return this.#collectors.size;
  }

  /** Never throws or rejects. @param from the asking instance */
  async respond(question: Question, from: string, reply: Reply): Promise<void> {
    try {
      await this.#answer(question, from, reply);
    } catch (error) {
      const { operation } = question;
      this.#options.log.error(`request:${operation}`, `The request "${operation}" failed`, error);
      reply({ failed: 'HANDLER_FAILED', message: messageOf(error) }, true);
    }
  }

  close(): void {
    for (const collector of this.#collectors) collector.end();
  }

  async #answer(question: Question, from: string, reply: Reply): Promise<void> {
    const { operation, hub: name, target, args, body } = question;
    if (operation === 'event') {
      const { event = '', unanswered } = args;
      const { serverEvents } = this.#options;
      serverEvents.handle(name, event, body.toString(), from, unanswered ? undefined : reply);
      return;
    }
    const hub = this.#options.hubs.get(name);
    const unknown = target.connections.filter(
      (id) => this.#options.identity.isOwn(instanceOf(id)) && !hub?.get(id),
    );
    const connections = hub?.select(target) ?? [];
    if (operation === 'ask') {
      this.#ask(question, connections, unknown, reply);
    } else if (operation === 'fetch') {
      reply({ sockets: connections.map(describe), unknown } satisfies FetchedMessage, true);
    } else {
      if (hub) await command(question, hub, connections);
      reply({ connections: connections.length, unknown } satisfies DoneMessage, true);
    }
  }

  #ask(
    question: Question,
    connections: readonly Connection[],
    unknown: readonly string[],
    reply: Reply,
  ): void {
    const collector = new AckCollector(question, connections, reply, () =>
      this.#collectors.delete(collector),
    );
    this.#collectors.add(collector);
    collector.start(new Frame(question.body, false), unknown);
  }
}

async function command(
  { operation, args }: Question,
  hub: ServedHub,
  connections: readonly Connection[],
): Promise<void> {
  const { rooms = [], code, reason } = args;
  if (operation === 'join') {
    await Promise.all(connections.map((connection) => hub.join(connection, rooms)));
  } else if (operation === 'leave') {
    for (const connection of connections) hub.leave(connection, rooms);
  } else if (operation === 'disconnect') {
    for (const connection of connections) connection.disconnect(code, reason);
  }
}

function describe({ id, userId, rooms, data }: Connection): FetchedMessage['sockets'][number] {
  return { id, userId, rooms: [...rooms], data: copyOf(data) };
}

/** As far as JSON can hold it: what an app keeps on a connection need not be meant for others. */
function copyOf(data: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(data)) as unknown;
  } catch {
    return undefined;
  }
}
