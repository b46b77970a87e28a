import type { Socket } from 'node:net';
import { Lane, type LaneRules } from './lane.js';

export type Direction = 'toServer' | 'toClient';

/** One proxied connection. */
export class ProxiedLink {
  private readonly lanes: Lane[];

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    rules: Readonly<Record<Direction, LaneRules>>,
    private readonly onGone: () => void,
  ) {
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.lanes = [
      new Lane(client, server, rules.toServer),
      new Lane(server, client, rules.toClient),
    ];
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.onGone();
      });
    }
  }

  pump(): void {
    for (const lane of this.lanes) lane.pump();
  }

  destroy(): void {
    for (const lane of this.lanes) lane.destroy();
    this.client.destroy();
    this.server.destroy();
    this.onGone();
  }
}
