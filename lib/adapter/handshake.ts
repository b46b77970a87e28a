import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What is known of the upgrade request, after the request itself is gone. */
export class Handshake {
  readonly headers: IncomingHttpHeaders;
  /** Path and query, as requested. */
  readonly url: string;
  /** The peer's address; a proxy's, where one stands in between. */
  readonly address: string | undefined;
  /** When the connection was made, in ms since the epoch. */
  readonly time: number;

  constructor(request: IncomingMessage) {
    this.headers = request.headers;
    this.url = request.url ?? '/';
    this.address = request.socket.remoteAddress;
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
