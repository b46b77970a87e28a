import type { ServerOptions } from 'ws';

import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import { quote } from '../../errors/quote.js';

/** The options of a gateway's decorator: those of a `ws` server, and the hub's name. */
export interface GatewayOptions extends ServerOptions {
  /** Names the hub outright, instead of by port and path. */
  hub?: string | undefined;
  /** Not supported: a `ws` client knows paths. */
  namespace?: string | RegExp | undefined;
}

const HEARTBEAT = `Write heartbeat: { intervalMs, timeoutMs } in RedisBackplaneModule.forRoot().`;
const ONLY_WEBSOCKETS = 'Leave it out: clients connect by WebSocket, and by nothing else.';
const ONE_PROTOCOL =
  'Leave it out: clients are plain WebSockets, no Socket.IO client of any version.';
const HISTORY =
  'Give the rooms a history, and let clients join them again: option "history" of RedisBackplaneModule.forRoot().';

/**
 * The options of a Socket.IO server, and of the Engine.IO below it, that `ws` does not have: what
 * to do instead.
 */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  [
    'allowRequest',
    'It refuses nobody here. Write verifyClient, or the option "authenticate" of RedisBackplaneModule.forRoot(), which is asked at the upgrade.',
  ],
  [
    'cors',
    'Browsers send a WebSocket past CORS: any page may open one. Compare request.headers.origin in verifyClient, or in "authenticate".',
  ],
  ['origins', 'Compare request.headers.origin in verifyClient, or in "authenticate".'],
  [
    'handlePreflightRequest',
    'A WebSocket has no preflight request. Compare request.headers.origin in verifyClient, or in "authenticate".',
  ],
  ['pingInterval', HEARTBEAT],
  ['pingTimeout', HEARTBEAT],
  [
    'maxHttpBufferSize',
    'Write maxPayload here, or maxPayloadBytes in RedisBackplaneModule.forRoot().',
  ],
  ['connectTimeout', 'Write connectionTimeoutMs in RedisBackplaneModule.forRoot().'],
  ['connectionStateRecovery', HISTORY],
  [
    'cookie',
    'No cookie is set: a WebSocket needs no sticky session. To set one of yours, add it to the headers in a listener of server.raw.on("headers").',
  ],
  ['transports', ONLY_WEBSOCKETS],
  ['allowUpgrades', ONLY_WEBSOCKETS],
  ['upgradeTimeout', ONLY_WEBSOCKETS],
  ['httpCompression', ONLY_WEBSOCKETS],
  [
    'destroyUpgrade',
    'Leave it out: upgrades to a path without a gateway are answered with 404, or left to who else listens for upgrades.',
  ],
  [
    'destroyUpgradeTimeout',
    'Leave it out: upgrades to a path without a gateway are answered with 404.',
  ],
  ['addTrailingSlash', 'Leave it out: paths are compared as they were sent, without a slash more.'],
  ['allowEIO3', ONE_PROTOCOL],
  ['serveClient', 'Leave it out: a browser has WebSocket, and needs no client to be served.'],
  ['initialPacket', 'Send the first message in handleConnection.'],
  ['wsEngine', 'Leave it out: sockets are those of ws.'],
  [
    'adapter',
    'Leave it out: RedisBackplaneModule brings the instances together. Delete the RedisIoAdapter.',
  ],
  [
    'parser',
    'Write messageParser in RedisBackplaneModule.forRoot(), for messages of clients. Messages to clients are JSON, or the argument of send().',
  ],
  [
    'cleanupEmptyChildNamespaces',
    'Leave it out: there are no namespaces. Each path is a hub of its own.',
  ],
]);

/**
 * @throws BackplaneConfigError for a namespace, and for options of a Socket.IO server, which names
 * all of them: they would do nothing, and one of them guards the door
 */
export function assertGatewayOptions(given: GatewayOptions): void {
  const { namespace, path } = given;
  const faults: string[] = [];
  if (namespace !== undefined) {
    faults.push(
      `A gateway declares the namespace "${String(namespace)}", but plain WebSocket clients know paths only. ` +
        `Write @WebSocketGateway({ path: '/${String(namespace).replace(/^\//, '')}' }) instead.`,
    );
  }
  for (const [name, value] of Object.entries(given)) {
    const instead = INSTEAD.get(name);
    if (instead === undefined || value === undefined) continue;
    faults.push(
      `The gateway at path ${quote(path ?? '/')} has the option "${name}" of Socket.IO, which means nothing to plain WebSockets. ${instead}`,
    );
  }
  if (faults.length > 0) throw new BackplaneConfigError(faults.join(' '));
}
