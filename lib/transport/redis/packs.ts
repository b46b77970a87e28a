import type { Redis } from 'ioredis';

import { isRefusal } from './redis-misconfiguration.js';
import { Publication } from './publication.js';
import type { Outgoing } from './outgoing.js';
import { PUBLISH_ALL } from './scripts/publish-all.js';

/**
 * The script copies each message twice, which costs more than a command of its own where the
 * message is large.
 */
const LARGE_BYTES = 2 * 1024;

/**
 * Redis serves nobody else while it works off a pack: some 0.2 ms, and more where the channels have
 * many subscribers.
 */
export const PACK_MESSAGES = 128;

/** Fewer messages leave as commands of their own. */
export const LEAST_MESSAGES = 16;

/**
 * Publishes many small messages by one command, a script: to make and to answer a command costs
 * this process several times what it costs Redis to publish the message. For messages that wait
 * already; Redis needs twice as long for one in a pack.
 */
export class Packs {
  readonly #client: Redis;
  /** The connection on which it is known whether Redis takes scripts, or asked for. */
  #askedOn: unknown;
  #isAllowed = false;

  constructor(client: Redis) {
    this.#client = client;
  }

  /**
   * False until Redis has carried out the script once on this connection, without a message. Asks
   * it to.
   */
  get areAllowed(): boolean {
    const { stream } = this.#client;
    if (this.#askedOn !== stream) this.#ask(stream);
    return this.#isAllowed;
  }

  /**
   * Resolves with what Redis said of those that it refused, by their index. Rejects where it is not
   * known that any was sent.
   */
  async send(publications: readonly Publication[]): Promise<ReadonlyMap<number, Error>> {
    const args: (string | Buffer)[] = [];
    for (const { channel, bytes } of publications) args.push(channel, bytes);
    try {
      return refusalsOf(await this.#client.eval(PUBLISH_ALL, 0, ...args));
    } catch (error) {
      if (!isRefusal(error as Error)) throw error;
      // It was about the script, and not about the messages, which may go by themselves.
      this.#isAllowed = false;
      throw new Error((error as Error).message, { cause: error });
    }
  }

  #ask(stream: unknown): void {
    this.#askedOn = stream;
    this.#isAllowed = false;
    this.#client.eval(PUBLISH_ALL, 0).then(
      () => {
        if (this.#askedOn === stream) this.#isAllowed = true;
      },
      () => {},
    );
  }
}

/** Whether a message may go with others in a pack. */
export function isPackable(outgoing: Outgoing<unknown>): outgoing is Publication {
  return outgoing instanceof Publication && !outgoing.isCounted && outgoing.length <= LARGE_BYTES;
}

/** Of pairs of an index and what Redis said. */
function refusalsOf(answer: unknown): ReadonlyMap<number, Error> {
  const refusals = new Map<number, Error>();
  if (!Array.isArray(answer)) return refusals;
  for (let i = 0; i + 1 < answer.length; i += 2) {
    const error = new Error(String(answer[i + 1]));
    error.name = 'ReplyError';
    refusals.set(Number(answer[i]), error);
  }
  return refusals;
}
