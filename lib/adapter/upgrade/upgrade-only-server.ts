import { createServer, type Server } from 'node:http';

/** The HTTP server of gateways that have a port of their own: for upgrades, and nothing else. */
export function createUpgradeOnlyServer(): Server {
  return createServer((_request, response) => {
    const body = 'Upgrade Required';
    response.writeHead(426, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': body.length,
    });
    response.end(body);
  });
}
