import type { RawData } from 'ws';

import { isTextDeeperThan, isValueDeeperThan, outlineOf } from '../../cluster/common/json.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import type { ClientMessage, MessageParser } from '../options/adapter.options.js';
import { defaultMessageParser } from './message-parser.js';

/** Stands for a message that nests too deep, and keeps as much of it as an answer needs. */
export class TooDeepMessage {
  constructor(
    readonly event?: unknown,
    readonly id?: unknown,
  ) {}
}

export interface MessageReaderOptions {
  /** Asked for at each frame: `setMessageParser` may change it. */
  readonly parser: () => MessageParser;
  /** Of lists and objects in one member of a message. */
  readonly maxDepth: number | false;
  readonly log: ThrottledLog;
}

/** From a client's frame to the message in it. */
export class MessageReader {
  readonly #options: MessageReaderOptions;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  /**
   * Undefined for what is no message. Never throws, whatever a client sends and a parser returns.
   */
  read(data: RawData, binary: boolean): ClientMessage | TooDeepMessage | undefined {
    const parser = this.#options.parser();
    return parser === defaultMessageParser
      ? this.#readJson(data)
      : this.#readWith(parser, data, binary);
  }

  /** No line in the log for text that is no JSON: clients choose it. */
  #readJson(data: RawData): ClientMessage | TooDeepMessage | undefined {
    const { maxDepth } = this.#options;
    try {
      const text = bytesOf(data).toString();
      // Its members are a level below the message. To parse a megabyte of brackets takes very long.
      if (maxDepth !== false && isTextDeeperThan(text, maxDepth + 1)) return tooDeepIn(text);
      return asMessage(defaultMessageParser(text));
    } catch {
      return undefined;
    }
  }

  #readWith(
    parser: MessageParser,
    data: RawData,
    binary: boolean,
  ): ClientMessage | TooDeepMessage | undefined {
    const { maxDepth, log } = this.#options;
    try {
      const given: unknown = parser(binary ? data : bytesOf(data).toString());
      const message = asMessage(given);
      if (!message) return undefined;
      if (isThenable(message)) {
        Promise.resolve(message).catch(() => {});
        throw new TypeError('it returned a promise, and has to return the message itself');
      }
      // Read once, here: its getters may throw, and answer otherwise the next time.
      const { event, data: body, id, error } = message;
      const members = [event, body, id, error];
      if (maxDepth !== false && members.some((member) => isValueDeeperThan(member, maxDepth)))
        return new TooDeepMessage(event, id);
      return { event, data: body, id, error };
    } catch (error) {
      log.error('parser', 'The message parser threw', error);
      return undefined;
    }
  }
}

function asMessage(value: unknown): ClientMessage | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}

function isThenable(message: object): message is PromiseLike<unknown> {
  return typeof (message as Partial<PromiseLike<unknown>>).then === 'function';
}

function tooDeepIn(text: string): TooDeepMessage {
  try {
    const { event, id } = JSON.parse(outlineOf(text)) as ClientMessage;
    return new TooDeepMessage(event, id);
  } catch {
    return new TooDeepMessage();
  }
}

/** In whatever form the app has the `ws` socket give them (its `binaryType`). */
function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
