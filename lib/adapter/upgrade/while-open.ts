import type { Duplex } from 'node:stream';

/** The client has gone before it was answered: there is nobody to notify. */
export class SocketClosed extends Error {}

/**
 * Settles as the promise does, or rejects with {@link SocketClosed} when the socket closes first.
 * The promise itself goes on.
 */
export function whileOpen<T>(socket: Duplex, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const closed = (): void => reject(new SocketClosed('the client has gone'));
    if (socket.destroyed) closed();
    else socket.once('close', closed);
    promise.finally(() => socket.off('close', closed)).then(resolve, reject);
  });
}
