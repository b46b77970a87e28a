import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.js';
import type { LaneRules } from './lane.js';
import { type Direction, ProxiedLink } from './proxied-link.js';

export type { Direction } from './proxied-link.js';

const BOTH: readonly Direction[] = ['toServer', 'toClient'];

/**
 * A network in between that can be made to fail: point a client at `port` instead of the target.
 */
export class TcpProxy {
  /** Starts a proxy on a loopback port; resolves when it accepts. */
  static async start(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort, targetHost, await freePort());
    await proxy.acceptAgain();
    return proxy;
  }

  /** Bytes that arrived here, forwarded or not. */
  readonly bytes: Record<Direction, number> = { toServer: 0, toClient: 0 };
  /** How many connections were accepted so far. */
  accepted = 0;

  private readonly links = new Set<ProxiedLink>();
  private readonly stalled = new Set<Direction>();
  private delayMs = 0;
  private listener: Server | undefined;
  private isClosed = false;

  private constructor(
    private targetPort: number,
    private readonly targetHost: string,
    readonly port: number,
  ) {}

  /** How many connections are open now. */
  get connections(): number {
    return this.links.size;
  }

  /** Breaks every connection, on both sides at once. New ones are accepted. */
  cut(): void {
    for (const link of this.links) link.destroy();
  }

  /** Leads new connections to another port; open ones go on. */
  switchTo(targetPort: number): void {
    this.targetPort = targetPort;
  }

  /** Stops listening: new connections are refused (ECONNREFUSED); open ones go on. */
  refuse(): void {
    this.listener?.close();
    this.listener = undefined;
  }

  /** Listens again after {@link refuse}. */
  async acceptAgain(): Promise<void> {
    if (this.listener || this.isClosed) return;
    const listener = createServer((socket) => this.link(socket));
    this.listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, '127.0.0.1', resolve);
    });
  }

  /** A silent network: bytes and farewells are accepted and kept, nothing is forwarded. */
  stall(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : BOTH) {
      this.stalled.add(direction);
    }
  }

  /** Forwards what was kept back, in order, and all that comes. */
  flow(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : BOTH) {
      this.stalled.delete(direction);
    }
    for (const link of this.links) link.pump();
  }

  /** Each byte from now on takes this long, in each direction. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.refuse();
    this.cut();
  }

  /** {@link close}, under the name that `closeAfterEach` calls. */
  dispose(): Promise<void> {
    return this.close();
  }

  private link(client: Socket): void {
    this.accepted++;
    const server = connect(this.targetPort, this.targetHost);
    const rules = { toServer: this.rules('toServer'), toClient: this.rules('toClient') };
    const link = new ProxiedLink(client, server, rules, () => this.links.delete(link));
    this.links.add(link);
  }

  private rules(direction: Direction): LaneRules {
    return {
      isStalled: () => this.stalled.has(direction),
      delayMs: () => this.delayMs,
      take: (chunk) => {
        this.bytes[direction] += chunk.length;
        return chunk;
      },
    };
  }
}
