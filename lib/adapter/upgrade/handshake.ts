import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { pack, type PackedText, unpack } from '../write/packed-text.js';
import type { StringPool } from './string-pool.js';

/**
 * Headers that have the same value for many clients. No secrets: the pool keeps them longer than
 * the connection lasts.
 */
const COMMON_HEADERS: ReadonlySet<string> = new Set([
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
]);
/** A longer one is nobody else's. */
const MAX_COMMON_LENGTH = 300;

/**
 * The upgrade request, after the request itself is gone. Thousands of clients have one and hardly
 * look at it, so it is kept as text, and what is asked for is made of that: headers and query are
 * to be read, not changed.
 */
export class Handshake {
  /** The peer's address; a proxy's, where one stands in between. */
  readonly address: string | undefined;
  /** When the connection was made, in ms since the epoch. */
  readonly time: number;
  readonly #url: PackedText;
  /** As JSON: what it has in common with other clients, and the rest. */
  readonly #commonHeaders: string;
  readonly #ownHeaders: PackedText;
  /** Held for as long as anybody holds them. */
  #headers: WeakRef<Readonly<IncomingHttpHeaders>> | undefined;
  #query: Readonly<Record<string, string | string[]>> | undefined;

  constructor(request: IncomingMessage, strings: StringPool) {
    const { headers, url = '/' } = request;
    const common: IncomingHttpHeaders = {};
    const own: IncomingHttpHeaders = Object.create(null) as IncomingHttpHeaders;
    for (const [name, value] of Object.entries(headers)) {
      const isCommon =
        COMMON_HEADERS.has(name) && typeof value === 'string' && value.length <= MAX_COMMON_LENGTH;
      (isCommon ? common : own)[name] = value;
    }
    this.#commonHeaders = strings.share(JSON.stringify(common));
    this.#ownHeaders = pack(JSON.stringify(own));
    // A query may hold a token.
    this.#url = url.includes('?') ? pack(url) : strings.share(url);
    const { remoteAddress } = request.socket;
    this.address = remoteAddress === undefined ? undefined : strings.share(remoteAddress);
    this.time = Date.now();
  }

  /** Path and query, as requested. */
  get url(): string {
    return unpack(this.#url);
  }

  /** All headers of the request, frozen. */
  get headers(): Readonly<IncomingHttpHeaders> {
    const present = this.#headers?.deref();
    if (present) return present;
    const headers = Object.freeze({
      ...(JSON.parse(this.#commonHeaders) as IncomingHttpHeaders),
      ...(JSON.parse(unpack(this.#ownHeaders)) as IncomingHttpHeaders),
    });
    this.#headers = new WeakRef(headers);
    return headers;
  }

  /** The query's parameters, parsed once; a list where a name comes more than once. */
  get query(): Readonly<Record<string, string | string[]>> {
    return (this.#query ??= queryOf(this.url));
  }
}

/** In one pass, whatever the number of parameters, and of those with one name. */
function queryOf(url: string): Record<string, string | string[]> {
  const query = Object.create(null) as Record<string, string | string[]>;
  const at = url.indexOf('?');
  if (at === -1) return query;
  for (const [name, value] of new URLSearchParams(url.slice(at))) {
    const present = query[name];
    if (present === undefined) query[name] = value;
    else if (typeof present === 'string') query[name] = [present, value];
    else present.push(value);
  }
  return query;
}
