export interface RedisKeys {
  /** The prefix of all keys and channels. */
  readonly prefix: string;
  /** The channel that was checked, without it. */
  readonly channel: string;
}

const SCRIPTING = new Set(['EVAL', 'EVALSHA']);

/**
 * By Redis's words, which differ between a command and one within a script, and between versions.
 * The first that fits.
 */
const ADVICE: readonly (readonly [
  RegExp,
  (commands: readonly string[], keys: RedisKeys) => string,
])[] = [
  [
    /access (at least )?one of the keys|permissions to access (one of )?the keys|key permission/i,
    (_, keys) =>
      `Give the user of the "redis" option the keys of the backplane: ACL SETUSER <user> ${keyPatterns(keys)}.`,
  ],
  [
    /channel/i,
    (_, keys) =>
      `Give the user of the "redis" option the channels of the backplane: ACL SETUSER <user> &${patternOf(keys, '')}.`,
  ],
  [
    /NOPERM|can't run this command|has no permissions/i,
    (commands) =>
      `Give the user of the "redis" option the right: ACL SETUSER <user> ${rightsOf(commands)}.`,
  ],
  [
    /unknown (redis )?command/i,
    (commands) =>
      `This server lacks ${commands.join(', ')}, or has it under another name: allow it there, or use another server.`,
  ],
  [/\bOOM\b/, () => 'Give Redis more memory ("maxmemory").'],
  [/\bMISCONF\b/, () => 'Redis cannot save its data: see its log and its disk.'],
  [/\bNOREPLICAS\b/, () => 'Fewer replicas are connected than "min-replicas-to-write" asks for.'],
  [/\bREADONLY\b/, () => 'Let the "redis" option lead to the master.'],
  [
    /\b(MOVED|ASK|CROSSSLOT)\b/,
    () =>
      'The server is one node of a Redis Cluster: let the "redis" option lead to a Redis that is none.',
  ],
  [
    /\bCLUSTERDOWN\b/,
    () =>
      'The server is in cluster mode ("cluster-enabled yes") and serves no slots, or not all: use one that is not, or assign it all slots.',
  ],
];

/**
 * How to fix what Redis refuses; empty where nothing is known.
 * @param commands those that it refused
 */
export function adviceFor(words: string, commands: readonly string[], keys: RedisKeys): string {
  for (const [pattern, advise] of ADVICE) if (pattern.test(words)) return advise(commands, keys);
  return '';
}

function rightsOf(commands: readonly string[]): string {
  const all = commands.some((command) => SCRIPTING.has(command))
    ? [...SCRIPTING, ...commands]
    : commands;
  return [...new Set(all)].map((command) => `+${command.toLowerCase()}`).join(' ');
}

function keyPatterns(keys: RedisKeys): string {
  return ['log:', 'top:', 'once:', ''].map((kind) => `~${patternOf(keys, kind)}`).join(' ');
}

/** The pattern of all names that begin as these do, up to the last part. */
function patternOf({ prefix, channel }: RedisKeys, kind: string): string {
  const begin = `${prefix}${kind}${channel.slice(0, channel.lastIndexOf(':') + 1)}`;
  return `${begin.replace(/[*?[\]\\]/g, '\\$&')}*`;
}
