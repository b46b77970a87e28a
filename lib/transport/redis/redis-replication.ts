import type { Redis } from 'ioredis';

import { BackplaneNotReplicatedError } from '../../errors/backplane-not-replicated.error.js';
import { Deadline } from '../../timing/deadline.js';
import { CorkedWrites } from './corked-writes.js';
import { disconnect, siblingOf } from './redis-clients.js';
import { unansweredReason } from './unanswered-reason.js';

/** The time that Redis has to answer at all, besides the time that a replica has. */
const ANSWER_GRACE_MS = 1_000;

export interface Written {
  /** A key that the write has left, with the life that it has. */
  readonly key: string;
  readonly ttlMs: number;
  /** How long a replica has. */
  readonly timeoutMs: number;
}

interface Unconfirmed extends Written {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Tells whether a replica has what was written. WAIT holds up its connection, so this has one of
 * its own, made when it is first needed. One WAIT speaks for all that came while the one before it
 * was under way.
 *
 * WAIT tells about the writes of its own connection only, hence PEXPIRE: a write, after the one in
 * question, that also shows that both went to the same server.
 */
export class RedisReplication {
  readonly #commands: Redis;
  readonly #writes = new CorkedWrites();
  #client: Redis | undefined;
  #unconfirmed: Unconfirmed[] = [];
  #isRunning = false;
  #closed = false;

  /** @param commands the client whose like is made for WAIT */
  constructor(commands: Redis) {
    this.#commands = commands;
  }

  /**
   * Resolves once a replica has it; rejects with `BackplaneNotReplicatedError` if none has, or if
   * that cannot be known.
   */
  confirm(written: Written): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unconfirmed.push({ ...written, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(() => void this.#run());
    });
  }

  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  async #run(): Promise<void> {
    while (this.#unconfirmed.length > 0) await this.#confirmAll(this.#unconfirmed.splice(0));
    this.#isRunning = false;
  }

  async #confirmAll(all: readonly Unconfirmed[]): Promise<void> {
    // Not spread: there may be more of them than a call takes arguments.
    const timeoutMs = all.reduce((most, one) => Math.max(most, one.timeoutMs), 0);
    const deadline = new Deadline(timeoutMs + ANSWER_GRACE_MS, () => this.#disconnect());
    try {
      const client = await this.#connected();
      this.#writes.hold(client.stream);
      const [found, replicas] = await Promise.all([
        Promise.all(all.map(({ key, ttlMs }) => client.pexpire(key, ttlMs))),
        client.wait(1, timeoutMs),
      ]);
      for (const [i, one] of all.entries()) {
        if (found[i] === 0)
          one.reject(
            unconfirmed('the address leads to another server by now, or the id was forgotten'),
          );
        else if (replicas === 0) one.reject(unconfirmed(`none had it within ${timeoutMs} ms`));
        else one.resolve();
      }
    } catch (error) {
      const failure = unconfirmed(unansweredReason(error as Error), error);
      for (const one of all) one.reject(failure);
    } finally {
      deadline.cancel();
    }
  }

  async #connected(): Promise<Redis> {
    if (this.#closed) throw new Error('the transport is closed');
    if (this.#client?.status === 'ready') return this.#client;
    this.#disconnect();
    this.#client = siblingOf(this.#commands);
    await this.#client.connect();
    return this.#client;
  }

  #disconnect(): void {
    if (this.#client) disconnect(this.#client);
  }
}

function unconfirmed(reason: string, cause?: unknown): BackplaneNotReplicatedError {
  return new BackplaneNotReplicatedError(
    `The message is in the log, but not known to be on a replica of Redis: ${reason}. Try again with the same id: that ` +
      'appends nothing, and waits for a replica once more.',
    { cause },
  );
}
