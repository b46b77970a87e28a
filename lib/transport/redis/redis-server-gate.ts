import { settledWithin } from '../../timing/deadline.js';
import type { ServerLook } from './server-look.js';

/**
 * A replica may be promoted, or the address may lead to the new master soon: it is looked at again,
 * ever more seldom.
 */
const FIRST_LOOK_AGAIN_MS = 200;
const MAX_LOOK_AGAIN_MS = 2_000;

export interface RedisServerGateOptions {
  /** Looks at the server that we are connected to. Never rejects. */
  readonly look: () => Promise<ServerLook>;
  /** A server that does not say within so long what it is, is taken for what it should be. */
  readonly timeoutMs: number;
  readonly opened: () => void;
  /** @param reason in words for the log */
  readonly shut: (reason: string) => void;
  /** It still is, after another look. */
  readonly stillShut: () => void;
}

/**
 * Refuses servers that not all instances share: a replica, as messages that are published there do
 * not reach the master or other replicas; a node of a Cluster; a Sentinel.
 */
export class RedisServerGate {
  readonly #options: RedisServerGateOptions;
  /**
   * Raised with each connection, and when it is lost: the results of earlier looks are then
   * ignored.
   */
  #generation = 0;
  #isOpen = false;
  #reason: string | undefined;
  #isMisfit = false;
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** In cluster mode, and usable. */
  #isLoneCluster = false;

  constructor(options: RedisServerGateOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why it is shut, once that is known. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Closed, as no waiting repairs it. */
  get isMisfit(): boolean {
    return this.#isMisfit;
  }

  get warnings(): string[] {
    return this.#isLoneCluster ? [LONE_CLUSTER] : [];
  }

  /** There is a connection, perhaps to another server. */
  connected(): void {
    this.lost();
    this.#looks = 0;
    this.#look();
  }

  /** The connection is lost, or the gate is not needed any more. */
  lost(): void {
    this.#generation++;
    this.#isOpen = false;
    this.#reason = undefined;
    this.#isMisfit = false;
    clearTimeout(this.#timer);
  }

  /** Resolves when the look that is under way has ended. */
  settled(): Promise<void> {
    return this.#looking;
  }

  #look(): void {
    const generation = this.#generation;
    const { look, timeoutMs } = this.#options;
    let seen: ServerLook | undefined;
    const looked = look().then((server) => void (seen = server));
    this.#looking = settledWithin(timeoutMs, looked).then(() => {
      if (generation === this.#generation) this.#check(seen);
    });
  }

  #check(server: ServerLook | undefined): void {
    const misfit = server && misfitReason(server);
    const reason = misfit ?? (server?.kind === 'replica' ? REPLICA : undefined);
    this.#isLoneCluster =
      server?.isCluster === true && server.masters !== 0 && misfit === undefined;
    this.#isMisfit = misfit !== undefined;
    if (reason === undefined) {
      this.#reason = undefined;
      this.#isOpen = true;
      this.#options.opened();
      return;
    }
    const ms = Math.min(MAX_LOOK_AGAIN_MS, FIRST_LOOK_AGAIN_MS * 2 ** this.#looks++);
    this.#timer = setTimeout(() => this.#look(), ms);
    if (reason === this.#reason) return this.#options.stillShut();
    this.#reason = reason;
    this.#options.shut(reason);
  }
}

const REPLICA =
  'the server is a replica, and what is published there does not reach the instances at its master or at other replicas. ' +
  'Let the "redis" option lead to the master (the primary endpoint, not the one for readers). ' +
  'If the server is promoted, or the address leads to the master, the link comes back by itself';

const LONE_CLUSTER =
  'The Redis server is in cluster mode, with one master. That works as long as it stays the only one: Redis Cluster is not ' +
  'supported yet. Do not add masters, or let the "redis" option lead to a server with "cluster-enabled no".';

function misfitReason({ kind, isCluster, masters }: ServerLook): string | undefined {
  if (kind === 'sentinel') {
    return (
      'the "redis" option leads to a Sentinel, which knows where Redis is, and is none. ' +
      "Write { sentinels: [{ host, port }], name: '<the name of the master>' }"
    );
  }
  if (isCluster && masters !== undefined && masters > 1) {
    return (
      'the "redis" option leads to one node of a Redis Cluster with several masters, which this version does not support yet. ' +
      'Give a single Redis (or one behind Sentinel)'
    );
  }
  return undefined;
}
