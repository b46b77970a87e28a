import { createHash } from 'node:crypto';

import type { Redis } from 'ioredis';

type Evaluate = (
  script: string,
  keyCount: number,
  ...keysAndArgs: (string | number | Buffer)[]
) => Promise<unknown>;

/** What ioredis has, but does not declare. Its `callBuffer` would fail where it pipelines by itself. */
interface ScriptClient extends Redis {
  evalBuffer: Evaluate;
  evalshaBuffer: Evaluate;
}

/** A call that did not take effect, and could only do so after later ones that did. */
export class OvertakenError extends Error {
  constructor() {
    super('it had forgotten the script, and later calls took effect before this one');
  }
}

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/**
 * A script by its hash; by its text where Redis may not know it. Redis forgets scripts (a restart, a failover, SCRIPT
 * FLUSH): calls that it did not know for that reason are made again, and take effect in the order in which they were made.
 */
export class RedisScript {
  readonly #client: ScriptClient;
  readonly #text: string;
  readonly #sha: string;
  /** The connection on which the text has been sent. */
  #sentOn: unknown;
  #underWay = 0;
  /** From the first call that Redis did not know, until nothing is under way that could overtake it. */
  #isHolding = false;
  #forgotten: Call[] = [];
  /** Made meanwhile. */
  #held: Call[] = [];

  constructor(client: Redis, text: string) {
    this.#client = client as ScriptClient;
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  /** Resolves with the answer, whose strings are Buffers; rejects as the client does, or with {@link OvertakenError}. */
  run(keys: Call['keys'], args: Call['args']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = { keys, args, resolve, reject };
      if (this.#isHolding) this.#held.push(call);
      else this.#send(call);
    });
  }

  #send(call: Call): void {
    this.#underWay++;
    this.#evaluate(call).then(
      (answer) => {
        if (this.#isHolding) this.#refuseOvertaken();
        call.resolve(answer);
        this.#settled();
      },
      (error: Error) => {
        if (isForgotten(error)) this.#hold(call);
        else call.reject(error);
        this.#settled();
      },
    );
  }

  #evaluate({ keys, args }: Call): Promise<unknown> {
    const { stream } = this.#client;
    if (this.#sentOn === stream) {
      return this.#client.evalshaBuffer(this.#sha, keys.length, ...keys, ...args);
    }
    this.#sentOn = stream;
    return this.#client.evalBuffer(this.#text, keys.length, ...keys, ...args);
  }

  #hold(call: Call): void {
    this.#isHolding = true;
    this.#forgotten.push(call);
  }

  /** Somebody else made Redis know the script again, and a later call took effect: these could only come after it. */
  #refuseOvertaken(): void {
    for (const call of this.#forgotten.splice(0)) call.reject(new OvertakenError());
  }

  #settled(): void {
    this.#underWay--;
    if (!this.#isHolding || this.#underWay > 0) return;
    this.#isHolding = false;
    this.#sentOn = undefined;
    const calls = [...this.#forgotten.splice(0), ...this.#held.splice(0)];
    for (const call of calls) this.#send(call);
  }
}

function isForgotten({ message }: Error): boolean {
  return message.startsWith('NOSCRIPT');
}
