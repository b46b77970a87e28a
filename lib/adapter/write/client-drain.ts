import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket } from 'ws';

const OPEN = 1;
const LOOK_AGAIN_MS = 10;

/**
 * Resolves with true when the client can be written to again, and with false when it is closed.
 * @param isBlocked whether it must wait although the socket wants data: `ws` still compresses, or a
 * message in fragments has not ended
 */
export async function clientDrain(
  ws: WebSocket,
  socket: Duplex,
  isBlocked: () => boolean,
): Promise<boolean> {
  while (ws.readyState === OPEN) {
    if (socket.writableNeedDrain) await nextDrain(socket);
    else if (isBlocked()) await delay(LOOK_AGAIN_MS);
    else return true;
  }
  return false;
}

function nextDrain(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      socket.off('drain', end).off('close', end);
      resolve();
    };
    socket.on('drain', end).on('close', end);
  });
}
