import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { endUpgradeGuard } from './upgrade-guard.js';

/** Where Node keeps the answer that is being written. */
type BusySocket = Duplex & { readonly _httpMessage?: ServerResponse | null };

/**
 * Whether a request wants to become a WebSocket, and nothing else: any token of `Upgrade` counts.
 */
export function wantsWebSocket({ headers: { upgrade = '' } }: IncomingMessage): boolean {
  return tokensOf(upgrade).some((token) => token.toLowerCase() === 'websocket');
}

/**
 * Lets the server's request listeners have an upgrade request, as Node does where nobody listens
 * for upgrades. Node has detached its parser by then, and what a body there is has not been read.
 * So the request is put back onto the socket, in a form that is no upgrade (its `Connection` does
 * not name it), and the socket is given to the server anew, as Node's documentation of the event
 * 'connection' allows. The body, requests that follow and time-outs are Node's, as ever.
 */
export function handOverToRequests(
  server: HttpServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  if (socket.destroyed || !socket.readable) return void socket.destroy();
  const answer = (socket as BusySocket)._httpMessage;
  if (answer) {
    // To an earlier request, which the client did not wait for: answers go in the order of the
    // requests.
    answer.once('close', () => handOverToRequests(server, request, socket, head));
    return;
  }
  endUpgradeGuard(socket);
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]));
  server.emit(isSecure(socket) ? 'secureConnection' : 'connection', socket);
}

/** As it came, except that `Connection` names no upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (name.toLowerCase() !== 'connection') lines.push(`${name}: ${value}`);
    else {
      const others = tokensOf(value).filter((token) => token.toLowerCase() !== 'upgrade');
      if (others.length > 0) lines.push(`${name}: ${others.join(', ')}`);
    }
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function tokensOf(header: string): string[] {
  return header
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
}

function isSecure(socket: Duplex): boolean {
  return (socket as Socket & { encrypted?: boolean }).encrypted === true;
}
