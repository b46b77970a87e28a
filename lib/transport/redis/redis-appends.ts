import type { RedisScript, ScriptArgs } from './redis-script.js';
import { FORGOTTEN } from './redis-script.js';

/** The script's answer to an append whose predecessor has not taken effect. */
const BEHIND = 0;

export interface AppendCall {
  /** The log, its meta, the first result of the id, and the name of the data. */
  readonly keys: readonly [log: string, meta: string, once: string, data: string];
  readonly args: ScriptArgs;
  /**
   * Makes the call over the connection for commands, in the order in which it is asked; rejects
   * with an error of the backplane.
   */
  readonly send: (command: () => Promise<unknown>) => Promise<unknown>;
}

interface Pending {
  readonly call: AppendCall;
  /** In the order of the calls, within its log. */
  readonly number: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Appends to logs, each log's in the order of the calls, whatever Redis forgets or refuses
 * meanwhile.
 *
 * An append that Redis did not take (it had forgotten the script, or refused it) could be overtaken
 * by those that were sent behind it. So each names the one before it, while that is not answered,
 * and the script takes it only if that one has taken effect. Appends that it did not take for this
 * reason, or for a forgotten script, are sent again, in their order, once nothing to that log is
 * under way.
 */
export class RedisAppends {
  readonly #script: RedisScript;
  readonly #isFinal: (error: Error) => boolean;
  /** By log: those that an append is under way to. */
  readonly #lanes = new Map<string, Lane>();

  /**
   * @param isFinal whether an error is a refusal of this one append, so that those behind it may go
   * on without it
   */
  constructor(script: RedisScript, isFinal: (error: Error) => boolean) {
    this.#script = script;
    this.#isFinal = isFinal;
  }

  /**
   * Resolves with the script's answer. Rejects as `send` does. Where an append may be tried again
   * by its caller, those behind it to the same log, made before anybody could know of that, reject
   * with its error: they must not get ahead of it.
   */
  run(call: AppendCall): Promise<unknown> {
    const [log] = call.keys;
    let lane = this.#lanes.get(log);
    if (!lane) {
      lane = new Lane(this.#script, this.#isFinal, () => this.#lanes.delete(log));
      this.#lanes.set(log, lane);
    }
    return lane.add(call);
  }
}

/** The appends to one log, from the first that is under way until none is. */
class Lane {
  readonly #script: RedisScript;
  readonly #isFinal: (error: Error) => boolean;
  readonly #ended: () => void;
  #lastNumber = 0;
  #inFlight = 0;
  /** The last one sent, while it is under way. */
  #last: Pending | undefined;
  /**
   * Had no effect, and are to be sent again, in the order of the calls (they got here in another):
   * these,
   */
  readonly #again: Pending[] = [];
  /** and those that were made since the first of them was known. */
  readonly #held: Pending[] = [];
  /** Of the last append that may be tried again by its caller. */
  #failure: Error | undefined;
  /** All up to this number were made before anybody could know of it. */
  #unawareUpTo = 0;

  constructor(script: RedisScript, isFinal: (error: Error) => boolean, ended: () => void) {
    this.#script = script;
    this.#isFinal = isFinal;
    this.#ended = ended;
  }

  add(call: AppendCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const pending = { call, number: ++this.#lastNumber, resolve, reject };
      if (this.#isUnaware(pending)) reject(this.#failure!);
      else if (this.#again.length > 0) this.#held.push(pending);
      else this.#send(pending);
    });
  }

  #send(pending: Pending): void {
    this.#inFlight++;
    pending.call
      .send(() => this.#leave(pending))
      .then(
        (answer) => {
          if (answer === FORGOTTEN || answer === BEHIND) this.#sendAgain(pending);
          else pending.resolve(answer);
          this.#settled(pending);
        },
        (error: Error) => {
          if (!this.#isFinal(error)) this.#failed(error);
          pending.reject(error);
          this.#settled(pending);
        },
      );
  }

  /** It may have waited for its turn: what has been learned meanwhile counts. */
  #leave(pending: Pending): Promise<unknown> {
    if (this.#again.length > 0 || this.#isUnaware(pending)) return Promise.resolve(BEHIND);
    const before = this.#last;
    this.#last = pending;
    const { keys, args } = pending.call;
    return this.#script.call(before ? [...keys, before.call.keys[2]] : keys, args);
  }

  #sendAgain(pending: Pending): void {
    if (this.#isUnaware(pending)) pending.reject(this.#failure!);
    else this.#again.push(pending);
  }

  #settled(pending: Pending): void {
    this.#inFlight--;
    if (this.#last === pending) this.#last = undefined;
    if (this.#inFlight > 0) return;
    const again = this.#again.splice(0).sort((one, other) => one.number - other.number);
    for (const one of [...again, ...this.#held.splice(0)]) {
      if (this.#isUnaware(one)) one.reject(this.#failure!);
      else this.#send(one);
    }
    this.#endIfIdle();
  }

  /** The caller of the append learns of it some microtasks later. */
  #failed(error: Error): void {
    const isKnownSoon = this.#unawareUpTo === Infinity;
    this.#failure = error;
    this.#unawareUpTo = Infinity;
    if (isKnownSoon) return;
    setImmediate(() => {
      this.#unawareUpTo = this.#lastNumber;
      this.#endIfIdle();
    });
  }

  #isUnaware({ number }: Pending): boolean {
    return number <= this.#unawareUpTo;
  }

  #endIfIdle(): void {
    if (this.#inFlight === 0 && this.#unawareUpTo !== Infinity) this.#ended();
  }
}
