import type { IncomingMessage } from 'node:http';
import type { ChatUser } from './chat.events.js';

const LONGEST_NAME = 40;

/**
 * Who connects, asked at the upgrade: the name in the query, or in a cookie. A demo takes people at
 * their word; a real app checks a session or a token here, and throws `UnauthorizedException`.
 */
export function authenticateByName(request: IncomingMessage): ChatUser | null {
  const name = (nameInQuery(request.url) ?? nameInCookie(request.headers.cookie) ?? '')
    .replace(/\s+/g, ' ')
    .trim();
  if (name === '' || name.length > LONGEST_NAME) return null;
  return { id: name.toLocaleLowerCase('en').replaceAll(' ', '-'), name };
}

function nameInQuery(url = '/'): string | undefined {
  return new URL(url, 'http://localhost').searchParams.get('name') ?? undefined;
}

function nameInCookie(cookies = ''): string | undefined {
  const value = /(?:^|;\s*)name=([^;]*)/.exec(cookies)?.[1];
  try {
    return value === undefined ? undefined : decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
