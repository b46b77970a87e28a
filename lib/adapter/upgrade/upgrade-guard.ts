import type { Duplex } from 'node:stream';

/** Node takes its own listener off at the upgrade; an error without one would end the process. */
export function guardUpgrade(socket: Duplex): void {
  socket.on('error', destroy);
}

/** The socket has somebody else who listens. */
export function endUpgradeGuard(socket: Duplex): void {
  socket.off('error', destroy);
}

/** The same function for all: a closure a connection takes memory. */
function destroy(this: Duplex): void {
  this.destroy();
}
