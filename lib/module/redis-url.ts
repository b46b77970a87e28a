import type { RedisOptions } from 'ioredis';

import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { queryOptions } from './redis-connection-checks.js';

/**
 * The ioredis options that a URL stands for:
 * redis[s]://[[user]:password@]host[:port][/db][?option=value]. Read here and not by ioredis, which
 * takes any text for a database and any name for an option.
 * @param where the option or the variable that the URL is from
 * @throws BackplaneConfigError which never holds a part of the URL: any of them may be a password
 */
export function optionsOfUrl(text: string, where: string): RedisOptions {
  const url = parse(text, where);
  const options = queryOptions(url.searchParams, where) as RedisOptions;
  const add = (name: keyof RedisOptions, value: unknown): void => {
    if (options[name] !== undefined) throw refused(where, `that gives "${name}" twice`);
    Object.assign(options, { [name]: value });
  };
  if (url.hostname === '') throw refused(where, 'without a host', 'Write redis://host:port.');
  add('host', url.hostname.replace(/^\[|\]$/g, ''));
  if (url.port !== '') add('port', Number(url.port));
  if (url.username !== '') add('username', decoded(url.username, where));
  if (url.password !== '') add('password', decoded(url.password, where));
  if (url.pathname.length > 1) add('db', database(url.pathname, where));
  if (url.hash !== '')
    throw refused(where, 'with a "#"', 'Percent-encode it as %23 where it belongs to a password.');
  if (url.protocol === 'rediss:') options.tls = {};
  return options;
}

function parse(text: string, where: string): URL {
  // The URL parser drops some of them without a word.
  if (/[\s\p{Cc}]/u.test(text)) {
    throw refused(
      where,
      'with white space or a control character in it',
      'Trim it; is there a line end in a file or variable that it comes from?',
    );
  }
  if (text.startsWith('/') || /^(redis\+)?unix:/i.test(text)) {
    throw refused(
      where,
      'that names a Unix socket',
      "Write redis: { path: '/run/redis/redis.sock' }.",
    );
  }
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0];
  // The part before a colon may be a user, or a password.
  if (scheme && !text.startsWith('//', scheme.length)) {
    throw refused(where, 'without "://"', 'Write redis://host:port.');
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new BackplaneConfigError(
      `The option "${where}" must be ${EXPECTED_REDIS}, got a string that is no URL. ` +
        'Write redis://host:port; percent-encode what is special in a password.',
    );
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new BackplaneConfigError(
      `The option "${where}" must be ${EXPECTED_REDIS}, got a URL that starts with "${url.protocol}". ` +
        'Write redis://host:port.',
    );
  }
  return url;
}

function decoded(part: string, where: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused(
      where,
      'whose user or password has a "%" that begins no code',
      'Percent-encode it as %25.',
    );
  }
}

function database(pathname: string, where: string): number {
  const db = Number(pathname.slice(1));
  if (/^\/\d+$/.test(pathname) && Number.isSafeInteger(db)) return db;
  throw refused(
    where,
    'whose path is no number of a database',
    'Write redis://host:port/0, or leave the path out; percent-encode a "/" of a password.',
  );
}

export const EXPECTED_REDIS =
  "a redis:// or rediss:// URL, ioredis options, an ioredis client, or 'memory'";

function refused(where: string, how: string, fix = 'Give it once.'): BackplaneConfigError {
  return new BackplaneConfigError(
    `The option "${where}" must be ${EXPECTED_REDIS}, got a URL ${how}. ${fix}`,
  );
}
