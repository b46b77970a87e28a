import { createHash } from 'node:crypto';

import type { Redis } from 'ioredis';

import { isRefusal } from './redis-misconfiguration.js';
import { checkArgs, type CheckedCommand, withCheck } from './scripts/check.js';

type Evaluate = (
  script: string,
  keyCount: number,
  ...keysAndArgs: (string | number | Buffer)[]
) => Promise<unknown>;

/**
 * Members that ioredis has, but does not declare. Its `callBuffer` would fail where it pipelines by
 * itself.
 */
interface ScriptClient extends Redis {
  evalBuffer: Evaluate;
  evalshaBuffer: Evaluate;
}

export type ScriptArgs = readonly (string | number | Buffer)[];

export interface RefusedCommand {
  readonly command: string;
  /** Redis's. */
  readonly words: string;
}

/** The answer to a call that Redis did not know the script of: it had no effect. */
export const FORGOTTEN = Symbol('forgotten');

/**
 * A script by its hash; by its text where Redis may not know it. Redis forgets scripts (a restart,
 * a failover, SCRIPT FLUSH), and any other client may teach it this one again: of calls that are
 * under way then, later ones may take effect, and earlier ones not.
 */
export class RedisScript {
  readonly #client: ScriptClient;
  readonly #text: string;
  readonly #sha: string;
  /** The connection on which the text has been sent. */
  #taughtOn: unknown;
  /** How often it was. */
  #lessons = 0;

  constructor(client: Redis, text: string) {
    this.#client = client as ScriptClient;
    this.#text = withCheck(text);
    this.#sha = createHash('sha1').update(this.#text).digest('hex');
  }

  /**
   * Resolves with the answer, whose strings are Buffers. Made again where Redis did not know the
   * script. Rejects as the client does.
   */
  async run(keys: readonly string[], args: ScriptArgs): Promise<unknown> {
    for (;;) {
      const answer = await this.call(keys, args);
      if (answer !== FORGOTTEN) return answer;
    }
  }

  /**
   * Tries the commands within the script, which does nothing else. Resolves with those that Redis
   * refuses. Rejects as the client does.
   */
  async check(
    keys: readonly string[],
    commands: readonly CheckedCommand[],
  ): Promise<RefusedCommand[]> {
    const answer = (await this.run(keys, checkArgs(commands))) as Buffer[];
    return commands.flatMap((_, i) => {
      const [command, words] = answer.slice(2 * i, 2 * i + 2);
      return command && words ? { command: String(command), words: String(words) } : [];
    });
  }

  /**
   * As {@link run}, but made once: resolves with {@link FORGOTTEN} where Redis did not know the
   * script.
   */
  call(keys: readonly string[], args: ScriptArgs): Promise<unknown> {
    const client = this.#client;
    const isTaught = this.#taughtOn === client.stream;
    if (!isTaught) {
      this.#taughtOn = client.stream;
      this.#lessons++;
    }
    const lesson = this.#lessons;
    const answer = isTaught
      ? client.evalshaBuffer(this.#sha, keys.length, ...keys, ...args)
      : client.evalBuffer(this.#text, keys.length, ...keys, ...args);
    return answer.then(client.options.stringNumbers ? withNumbers : undefined, (error: Error) => {
      if (!isForgotten(error)) throw this.#named(error);
      // Unless it has been sent since.
      if (lesson === this.#lessons) this.#taughtOn = undefined;
      return FORGOTTEN;
    });
  }

  /**
   * Redis says on which line of the script it met what it says; whoever reads it needs the command
   * that stands there.
   */
  #named(error: Error): Error {
    const line = isRefusal(error) && LINE.exec(error.message)?.[1];
    if (!line) return error;
    const text = this.#text.split('\n')[Number(line) - 1] ?? '';
    const commands = Array.from(text.matchAll(COMMAND), ([, name]) => name);
    const words = error.message.replace(WHERE, '');
    const named = new Error(commands.length > 0 ? `${words} (${commands.join(' or ')})` : words, {
      cause: error,
    });
    named.name = error.name;
    return named;
  }
}

// Redis 7 says it behind its words, Redis 6 before them.
const LINE = /@?user_script:\s*(\d+)/;
const WHERE =
  / script: [\da-f]{40}, on @user_script:\d+\.?|Error running script \(call to \w+\): |@?user_script:\s*\d+:\s*/g;
const COMMAND = /redis\.p?call\('(\w+)'/g;

/**
 * Under `stringNumbers`, a client of the app's makes strings of integers. All other strings of an
 * answer are Buffers.
 */
function withNumbers(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(withNumbers);
  return typeof answer === 'string' ? Number(answer) : answer;
}

function isForgotten({ message }: Error): boolean {
  return message.startsWith('NOSCRIPT');
}
