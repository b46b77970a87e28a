import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import type { StringPool } from './string-pool.js';

/** Headers that have the same value for many clients. No secrets: the pool keeps them longer than the connection lasts. */
const COMMON_HEADERS = [
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'host',
  'origin',
  'pragma',
  'sec-websocket-extensions',
  'sec-websocket-version',
  'upgrade',
  'user-agent',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
] as const;

/** What is known of the upgrade request, after the request itself is gone. */
export class Handshake {
  readonly headers: IncomingHttpHeaders;
  /** Path and query, as requested. */
  readonly url: string;
  /** The peer's address; a proxy's, where one stands in between. */
  readonly address: string | undefined;
  /** When the connection was made, in ms since the epoch. */
  readonly time: number;

  constructor(request: IncomingMessage, strings: StringPool) {
    const { headers, url = '/' } = request;
    for (const name of COMMON_HEADERS) {
      const value = headers[name];
      if (typeof value === 'string') headers[name] = strings.share(value);
    }
    this.headers = headers;
    // A query may hold a token.
    this.url = url.includes('?') ? url : strings.share(url);
    const { remoteAddress } = request.socket;
    this.address = remoteAddress === undefined ? undefined : strings.share(remoteAddress);
    this.time = Date.now();
  }

  /** The query's parameters; a list where a name comes more than once. */
  get query(): Record<string, string | string[]> {
    const query: Record<string, string | string[]> = Object.create(null) as Record<
      string,
      string | string[]
    >;
    const at = this.url.indexOf('?');
    if (at === -1) return query;
    for (const [name, value] of new URLSearchParams(this.url.slice(at))) {
      const present = query[name];
      query[name] = present === undefined ? value : [...[present].flat(), value];
    }
    return query;
  }
}
