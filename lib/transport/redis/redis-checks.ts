import type { Redis } from 'ioredis';

import type { Need, Refusal } from '../transport.js';
import type { RedisClients } from './redis-clients.js';
import { isRefusal } from './redis-misconfiguration.js';
import { type RefusedCommand, RedisScript } from './redis-script.js';
import { adviceFor } from './refusal-advice.js';
import {
  CHANGES_NOTHING,
  checkedCommands,
  type CheckKeys,
  type ScriptNeed,
} from './scripts/checked-commands.js';
import { LEASES } from './scripts/leases.js';
import { LOG_APPEND } from './scripts/log-append.js';
import { LOG_READ } from './scripts/log-read.js';
import { LOG_TOPS } from './scripts/log-tops.js';

const SCRIPTS: Readonly<Record<ScriptNeed, string>> = {
  leases: LEASES,
  append: LOG_APPEND,
  compare: LOG_TOPS,
  read: LOG_READ,
};

/** Answers that say nothing about what is permitted, and pass. */
const PASSING = /^(LOADING|BUSY|TRYAGAIN|MASTERDOWN)\b/;

/**
 * Asks Redis whether it would carry out the scripts, each of their commands for itself, and changes
 * nothing.
 */
export class RedisChecks {
  readonly #commands: Redis;
  readonly #scripts: Readonly<Record<ScriptNeed, RedisScript>>;
  readonly #keyPrefix: string;
  readonly #channelPrefix: string;

  constructor({ commands, ownsCommands, prefix }: RedisClients) {
    this.#commands = commands;
    this.#scripts = scriptsOn(commands);
    this.#channelPrefix = prefix;
    // A client of the app's adds its prefix to keys by itself.
    this.#keyPrefix = ownsCommands ? prefix : '';
  }

  /** Rejects if Redis gives no answer that decides it. */
  async run(needs: readonly Need[], channels: readonly string[]): Promise<Refusal[]> {
    const all: Refusal[] = [];
    for (const channel of channels)
      for (const need of needs) all.push(...(await this.#check(need, channel)));
    return all;
  }

  async #check(need: Need, channel: string): Promise<Refusal[]> {
    const keys = this.#keysOf(channel);
    const seen = { prefix: this.#channelPrefix, channel };
    try {
      const refused = await this.#refusedOf(need, keys);
      return [...byWords(refused)].map(([words, commands]) => ({
        need,
        reason: `${words} (${commands.join(', ')})`,
        fix: adviceFor(words, commands, seen),
      }));
    } catch (error) {
      const { message } = error as Error;
      if (!isRefusal(error as Error) || PASSING.test(message)) throw error;
      return [{ need, reason: message, fix: adviceFor(message, ['EVAL', 'EVALSHA'], seen) }];
    }
  }

  async #refusedOf(need: Need, keys: CheckKeys): Promise<readonly RefusedCommand[]> {
    if (need === 'identify') return refusedOf({ INFO: this.#commands.info('server') });
    if (need === 'replicate') {
      const wait = this.#commands.wait(0, 1);
      return refusedOf({ PEXPIRE: this.#commands.pexpire(keys.once, 1), WAIT: wait });
    }
    const used = need === 'leases' ? [keys.own] : [keys.log, keys.meta, keys.once];
    // By its text at first, by its hash then: two rights.
    await this.#scripts[need].check(used, []);
    return this.#scripts[need].check(used, checkedCommands(need, keys));
  }

  #keysOf(channel: string): CheckKeys {
    const key = (kind: string): string => `${this.#keyPrefix}${kind}${channel}`;
    return {
      log: key('log:'),
      meta: key('top:'),
      once: key('once:'),
      own: key(''),
      channel: this.#channelPrefix + channel,
    };
  }
}

/** Of commands that are asked for outside of scripts. Rejects where one was not answered. */
async function refusedOf(asked: Record<string, Promise<unknown>>): Promise<RefusedCommand[]> {
  const answered = Object.entries(asked).map(([command, answer]) =>
    answer.then(
      () => [],
      (error: Error) => {
        if (!isRefusal(error)) throw error;
        return [{ command, words: error.message }];
      },
    ),
  );
  return (await Promise.all(answered)).flat();
}

function scriptsOn(client: Redis): Record<ScriptNeed, RedisScript> {
  const entries = Object.entries(SCRIPTS).map(([need, text]) => [
    need,
    new RedisScript(client, text),
  ]);
  return Object.fromEntries(entries) as Record<ScriptNeed, RedisScript>;
}

function byWords(refused: readonly RefusedCommand[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { command, words } of refused) {
    if (CHANGES_NOTHING.test(words)) continue;
    const commands = groups.get(words);
    if (commands?.includes(command)) continue;
    if (commands) commands.push(command);
    else groups.set(words, [command]);
  }
  return groups;
}
