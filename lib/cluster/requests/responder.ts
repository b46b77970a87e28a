import { LimitExceededError } from '../../errors/limit-exceeded.error.js';
import { messageOf } from '../../errors/quote.js';
import { Frame } from '../../hub/frame.js';
import { LocalAckCollector } from './local-ack-collector.js';
import type { DoneMessage, FetchedMessage, Refused } from './answer-messages.js';
import type { Reply } from './response-writer.js';
import type { Connection } from '../local/connection.js';
import { safeJsonText } from '../common/json.js';
import type { Identity } from '../membership/identity.js';
import { instanceOf } from '../wire/instance-id.js';
import type { PeerRequest } from './peer-request.js';
import type { LocalHub } from '../local/local-hub.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { ServerEvents } from './server-events.js';
import type { ThrottledLog } from '../common/throttled-log.js';

export interface ResponderOptions {
  readonly identity: Identity;
  readonly hubs: LocalHubs;
  readonly serverEvents: ServerEvents;
  readonly log: ThrottledLog;
}

/** How many connections one message of an answer to `fetch` describes. */
const SOCKETS_A_MESSAGE = 500;

/** Whether so many bytes more of an answer can wait. */
export type HasRoom = (bytes: number) => boolean;
const ALWAYS: HasRoom = () => true;

/** Answers requests about the connections of this instance, whichever instance asks. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #collectors = new Set<LocalAckCollector>();

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** How many requests to clients are open here. */
  get size(): number {
    return this.#collectors.size;
  }

  /**
   * Never throws or rejects.
   * @param from the asking instance
   * @param hasRoom whether so many bytes more can wait for it
   */
  async respond(
    request: PeerRequest,
    from: string,
    reply: Reply,
    hasRoom: HasRoom = ALWAYS,
  ): Promise<void> {
    try {
      await this.#answer(request, from, reply, hasRoom);
    } catch (error) {
      const { operation } = request;
      this.#options.log.error(`request:${operation}`, `The request "${operation}" failed`, error);
      reply({ failed: 'HANDLER_FAILED', message: messageOf(error) }, true);
    }
  }

  close(): void {
    for (const collector of this.#collectors) collector.end();
  }

  async #answer(request: PeerRequest, from: string, reply: Reply, hasRoom: HasRoom): Promise<void> {
    const { operation, hub: name, target, args, body } = request;
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
      this.#ask(request, connections, unknown, reply, hasRoom);
    } else if (operation === 'fetch') {
      describeAll(connections, unknown, reply);
    } else {
      const refused = hub ? await command(request, hub, connections) : [];
      const done: DoneMessage = { connections: connections.length - refused.length, unknown };
      reply(refused.length === 0 ? done : { ...done, refused }, true);
    }
  }

  #ask(
    request: PeerRequest,
    connections: readonly Connection[],
    unknown: readonly string[],
    reply: Reply,
    hasRoom: HasRoom,
  ): void {
    const onEnd = (): boolean => this.#collectors.delete(collector);
    const collector = new LocalAckCollector(request, connections, reply, onEnd, hasRoom);
    this.#collectors.add(collector);
    collector.start(new Frame(request.body, false), unknown);
  }
}

/** Answers with those to whom it was not done. */
async function command(
  { operation, args }: PeerRequest,
  hub: LocalHub,
  connections: readonly Connection[],
): Promise<readonly Refused[]> {
  const { rooms = [], code, reason } = args;
  if (operation === 'join') {
    return joinAll(hub, connections, [...new Set(rooms)]);
  } else if (operation === 'leave') {
    for (const connection of connections) hub.leave(connection, rooms);
  } else if (operation === 'disconnect') {
    for (const connection of connections) connection.disconnect(code, reason);
  }
  return [];
}

/** One that is at its limit keeps no other from the rooms. */
async function joinAll(
  hub: LocalHub,
  connections: readonly Connection[],
  rooms: readonly string[],
): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  const join = async (connection: Connection): Promise<void> => {
    try {
      await hub.join(connection, rooms);
    } catch (error) {
      if (!(error instanceof LimitExceededError)) throw error;
      refused.push([connection.id, error.max]);
    }
  };
  await Promise.all(connections.map(join));
  return refused;
}

/** Some at a time: what is read at once must not hold up the requester. */
function describeAll(
  connections: readonly Connection[],
  unknown: readonly string[],
  reply: Reply,
): void {
  let from = 0;
  do {
    const sockets = connections.slice(from, from + SOCKETS_A_MESSAGE).map(describe);
    const fetched: FetchedMessage = { sockets, unknown: from === 0 ? unknown : [] };
    from += SOCKETS_A_MESSAGE;
    reply(fetched, from >= connections.length);
  } while (from < connections.length);
}

function describe({ id, userId, rooms, data }: Connection): FetchedMessage['sockets'][number] {
  return { id, userId, rooms: [...rooms], data: copyOf(data) };
}

/**
 * As far as JSON can hold it: what an app keeps on a connection need not be meant for others. Costs
 * a field no other.
 */
function copyOf(data: unknown): unknown {
  const text = safeJsonText(data);
  if (text !== undefined) return JSON.parse(text) as unknown;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const fields = data as Record<string, unknown>;
  // As own properties: "__proto__" may be among the names.
  return Object.fromEntries(
    namesIn(fields).flatMap((name) => {
      const field = fieldText(fields, name);
      return field === undefined ? [] : [[name, JSON.parse(field) as unknown]];
    }),
  );
}

function namesIn(data: object): string[] {
  try {
    return Object.keys(data);
  } catch {
    return [];
  }
}

function fieldText(data: Record<string, unknown>, name: string): string | undefined {
  try {
    return safeJsonText(data[name]);
  } catch {
    return undefined;
  }
}
