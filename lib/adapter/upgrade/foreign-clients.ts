import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';

import type { OnceLog } from '../../cluster/common/once-log.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { quote, quoteAll } from '../../errors/quote.js';

/** A protocol above WebSockets, or beside them, that no gateway speaks. */
interface Foreign {
  readonly name: string;
  /** A part of the URL that every request of its clients has, and no other request. */
  readonly sign: RegExp;
  /** The path that its clients request by default. */
  readonly path: RegExp;
}

const FOREIGN: readonly Foreign[] = [
  { name: 'Socket.IO', sign: /[?&]EIO=\d/, path: /^\/socket\.io(?:[/?]|$)/ },
  { name: 'SignalR', sign: /[?&]negotiateVersion=\d/, path: /^\/signalr(?:[/?]|$)/ },
  {
    name: 'SockJS',
    sign: /\/\d{3}\/\w{8}\/(?:websocket|xhr\w*)(?:\?|$)/,
    path: /^\/sockjs(?:[/?]|$)/,
  },
];

const NOT_FOUND = 404;
const UPGRADE_REQUIRED = 426;

/**
 * Logs clients that cannot be served: those of other protocols, and those at paths without a
 * gateway.
 */
export class ForeignClients {
  readonly #log: ThrottledLog;
  readonly #once: OnceLog;

  constructor(log: ThrottledLog, once: OnceLog) {
    this.#log = log;
    this.#once = once;
  }

  /**
   * Looks at what becomes of the plain requests that such clients begin with. One that somebody
   * answers, a Socket.IO server beside the gateways for one, is no stranger.
   * @returns the function that ends it
   */
  watch(http: HttpServer): () => void {
    const look = (request: IncomingMessage, response: ServerResponse): void => {
      const { url = '' } = request;
      const foreign = FOREIGN.find(({ sign }) => sign.test(url));
      if (foreign)
        response.once('finish', () => {
          if (isNoAnswer(response)) this.#noteForeign(foreign, request);
        });
    };
    http.on('request', look);
    return () => void http.off('request', look);
  }

  /** A gateway takes the upgrade, and will not understand the frames. */
  noteAdmitted(request: IncomingMessage): void {
    const { url = '' } = request;
    const foreign = FOREIGN.find(({ sign }) => sign.test(url));
    if (foreign) this.#noteForeign(foreign, request);
  }

  /** @param paths where gateways are */
  refused(request: IncomingMessage, status: 400 | 404, paths: readonly string[]): void {
    const { url = '' } = request;
    const foreign = FOREIGN.find(({ sign, path }) => sign.test(url) || path.test(url));
    if (foreign) return this.#noteForeign(foreign, request);
    const [path = ''] = url.split('?', 1);
    this.#once.debug('path', path, () => {
      const found = paths.length > 0 ? `Gateways are at ${quoteAll(paths)}.` : 'There is none.';
      return `An upgrade to ${quote(path)}, where no gateway is, was answered with ${status}. ${found}`;
    });
  }

  #noteForeign({ name }: Foreign, { method, url }: IncomingMessage): void {
    this.#log.warn(
      `foreign:${name}`,
      () =>
        `A ${name} client tries to connect (${quote(`${method} ${url}`)}), and gateways do not speak its protocol. ` +
        `Clients are plain WebSockets here: new WebSocket('ws://host/path'). See "Migration" in the documentation.`,
    );
  }
}

/** By a page of the app, or by nobody: the protocols' own servers answer with neither. */
function isNoAnswer(response: ServerResponse): boolean {
  const { statusCode } = response;
  if (statusCode === NOT_FOUND || statusCode === UPGRADE_REQUIRED) return true;
  return String(response.getHeader('content-type') ?? '').startsWith('text/html');
}
