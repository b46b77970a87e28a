import { decodeLogEntry } from '../log-entry.js';
import { EMPTY_TTL_MS } from '../log-epoch.js';
import { RandomIds } from '../random-ids.js';
import {
  type Append,
  type Appended,
  LOG_READ_BYTES,
  type LogEntry,
  type LogLifetimes,
  type LogRange,
  type LogRead,
  type Logs,
  type LogTop,
} from '../logs.js';
import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { type Ticket, WithdrawnError } from '../ticket.js';
import { Limit } from './limit.js';
import { APPEND, isReadOnly, logFailure } from './log-failure.js';
import { RedisAppends } from './redis-appends.js';
import type { RedisClients } from './redis-clients.js';
import { RedisReplication } from './redis-replication.js';
import { RedisScript } from './redis-script.js';
import type { RedisSender } from './redis-sender.js';
import { LOG_APPEND } from './scripts/log-append.js';
import { LOG_READ } from './scripts/log-read.js';
import { LOG_TOPS } from './scripts/log-tops.js';

/**
 * Redis does nothing else while it runs a script, and those that came together: others get their
 * answers between.
 */
const TOPS_A_CALL = 50;
const TOPS_CALLS_AT_ONCE = 2;
const READS_AT_ONCE = 16;
const TOP_FIELDS = 3;

type Field = Buffer | number;

export interface RedisLogsOptions {
  readonly clients: RedisClients;
  readonly sender: RedisSender;
  /** Why nothing can be asked for now; undefined while it can. */
  readonly downReason: () => string | undefined;
  /**
   * The server that we are connected to takes no writes: the address may lead to another by now.
   */
  readonly onReadOnly: () => void;
}

/**
 * Logs as Redis streams: `log:`, `top:` and `once:` in front of the channel, so that all of a log
 * is in the channel's slot.
 */
export class RedisLogs implements Logs {
  readonly #options: RedisLogsOptions;
  readonly #appends: RedisAppends;
  readonly #tops: RedisScript;
  readonly #read: RedisScript;
  readonly #replication: RedisReplication;
  readonly #names = new RandomIds();
  /** Tells this sender's marks in Redis from those of others. */
  readonly #sender = this.#names.next();
  readonly #topsLimit = new Limit(TOPS_CALLS_AT_ONCE);
  readonly #readsLimit = new Limit(READS_AT_ONCE);
  /** A client of the app's adds its prefix to keys by itself, and never to channels. */
  readonly #keyPrefix: string;

  constructor(options: RedisLogsOptions) {
    const { commands, ownsCommands, prefix } = options.clients;
    this.#options = options;
    this.#appends = new RedisAppends(
      new RedisScript(commands, LOG_APPEND),
      (error) => error instanceof BackplaneRefusedError || error.cause instanceof WithdrawnError,
    );
    this.#tops = new RedisScript(commands, LOG_TOPS);
    this.#read = new RedisScript(commands, LOG_READ);
    this.#replication = new RedisReplication(commands);
    this.#keyPrefix = ownsCommands ? prefix : '';
  }

  async append(append: Append, ticket?: Ticket): Promise<Appended> {
    const { channel, id, bytes, limits, idempotencyTtlMs, replicaTimeoutMs } = append;
    const { clients, sender } = this.#options;
    const once = onceKey(channel, id);
    const keys = [
      ...this.#keysOf(channel),
      this.#keyPrefix + once,
      this.#dataKey(channel),
    ] as const;
    const args = [
      clients.prefix + channel,
      'PUBLISH',
      this.#names.next(),
      this.#names.next(),
      limits.size,
      limits.ttlMs,
      limits.metaTtlMs,
      idempotencyTtlMs,
      bytes,
      this.#sender,
    ];
    const [epoch, offset, duplicate, unheard] = (await this.#appends.run({
      keys,
      args,
      send: (command) =>
        sender.send({ length: bytes.length, command, failed: this.#appendFailure }, { ticket }),
    })) as Field[];
    if (replicaTimeoutMs !== undefined) {
      await this.#replication.confirm({
        key: clients.prefix + once,
        ttlMs: idempotencyTtlMs,
        timeoutMs: replicaTimeoutMs,
      });
    }
    return {
      epoch: String(epoch),
      offset: Number(offset),
      duplicate: duplicate === 1,
      ...(unheard === undefined ? {} : { unheard: String(unheard) }),
    };
  }

  async tops(channels: readonly string[], lifetimes: LogLifetimes): Promise<readonly LogTop[]> {
    const tops = new Map<string, LogTop>();
    const calls: Promise<void>[] = [];
    for (const [dataKey, together] of this.#byDataKey(channels)) {
      for (let from = 0; from < together.length; from += TOPS_A_CALL) {
        const some = together.slice(from, from + TOPS_A_CALL);
        const call = this.#topsLimit.run(() => this.#topsOf(dataKey, some, lifetimes));
        calls.push(call.then((found) => found.forEach((top, i) => tops.set(some[i]!, top))));
      }
    }
    await Promise.all(calls);
    return channels.map((channel) => tops.get(channel)!);
  }

  async read(
    channel: string,
    { from, limit, reverse = false, follows = false }: LogRange,
    { metaTtlMs, emptyTtlMs = EMPTY_TTL_MS }: LogLifetimes,
  ): Promise<LogRead> {
    const args = [
      follows ? 'follow' : 'glance',
      metaTtlMs,
      emptyTtlMs,
      this.#names.next(),
      ...(reverse ? ['XREVRANGE', from ?? '+', '-'] : ['XRANGE', from ?? '-', '+']),
      limit,
      LOG_READ_BYTES,
    ];
    const keys = [...this.#keysOf(channel), this.#dataKey(channel)];
    const [epoch, offset, tag, ...frames] = await this.#readsLimit.run(() =>
      this.#ask('read the log', this.#read, keys, args),
    );
    return { top: topFrom(epoch!, offset!, tag!), entries: entriesFrom(frames as Buffer[]) };
  }

  async prepare(channels: readonly string[]): Promise<void> {
    const named = [...this.#byDataKey(channels).keys()].map((dataKey) =>
      this.#ask('name its data', this.#tops, [dataKey], [0, 0, this.#names.next()]),
    );
    await Promise.all(named);
  }

  async replicationId(): Promise<string> {
    const { commands } = this.#options.clients;
    const notDone = 'say which server it is';
    this.#assertUp(notDone);
    try {
      const sections = await Promise.all([commands.info('replication'), commands.info('server')]);
      const [replication, server] = sections;
      return `${fieldOf(replication, 'master_replid')}:${fieldOf(server, 'run_id')}`;
    } catch (error) {
      throw this.#failure(notDone, error as Error);
    }
  }

  close(): void {
    this.#replication.close();
  }

  /** Of logs of one event key. */
  async #topsOf(
    dataKey: string,
    channels: readonly string[],
    { metaTtlMs, emptyTtlMs = EMPTY_TTL_MS }: LogLifetimes,
  ): Promise<LogTop[]> {
    const keys = [dataKey, ...channels.flatMap((channel) => this.#keysOf(channel))];
    const args = [metaTtlMs, emptyTtlMs, ...channels.map(() => this.#names.next())];
    const fields = await this.#ask('say where the logs stand', this.#tops, keys, args);
    return channels.map((_, i) => {
      const [epoch, offset, tag] = fields.slice(i * TOP_FIELDS, (i + 1) * TOP_FIELDS);
      return topFrom(epoch!, offset!, tag!);
    });
  }

  async #ask(
    notDone: string,
    script: RedisScript,
    keys: string[],
    args: (string | number)[],
  ): Promise<Field[]> {
    this.#assertUp(notDone);
    try {
      return (await script.run(keys, args)) as Field[];
    } catch (error) {
      throw this.#failure(notDone, error as Error);
    }
  }

  #keysOf(channel: string): [log: string, meta: string] {
    return [`${this.#keyPrefix}log:${channel}`, `${this.#keyPrefix}top:${channel}`];
  }

  /**
   * Names the data that Redis has; in the slot of the channel, and the same for all channels with
   * its hash tag.
   */
  #dataKey(channel: string): string {
    const end = channel.startsWith('{') ? channel.indexOf('}') : -1;
    return `${this.#keyPrefix}${end > 1 ? channel.slice(0, end + 1) : channel}:data`;
  }

  #byDataKey(channels: readonly string[]): Map<string, string[]> {
    const byKey = new Map<string, string[]>();
    for (const channel of channels) {
      const key = this.#dataKey(channel);
      const together = byKey.get(key);
      if (together) together.push(channel);
      else byKey.set(key, [channel]);
    }
    return byKey;
  }

  #assertUp(notDone: string): void {
    const reason = this.#options.downReason();
    if (reason !== undefined) throw logFailure(notDone, new Error(reason));
  }

  readonly #appendFailure = (error: Error): Error => this.#failure(APPEND, error);

  #failure(notDone: string, error: Error): Error {
    if (isReadOnly(error)) this.#options.onReadOnly();
    return logFailure(notDone, error);
  }
}

/** The length of the id stands last, so that no two pairs of channel and id share a key. */
function onceKey(channel: string, id: string): string {
  return `once:${channel}:${id}:${Buffer.byteLength(id)}`;
}

function topFrom(epoch: Field, offset: Field, tag: Field): LogTop {
  return { epoch: String(epoch), offset: Number(offset), tag: String(tag) };
}

/** A frame that is no entry was put into the stream by somebody else: readers see a hole. */
function entriesFrom(frames: readonly Buffer[]): LogEntry[] {
  return frames.flatMap((frame) => decodeLogEntry(frame) ?? []);
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? '';
}
