import { EventEmitter } from 'node:events';

import type { Transport } from '../../transport/transport.js';
import type { Counters } from '../common/counters.js';
import { guardedListener } from '../common/guarded-listener.js';
import type { Identity } from '../membership/identity.js';
import type { InstanceRecord } from '../membership/instance-record.js';
import type { Departure } from '../membership/membership.js';
import type { BackplaneStatus, Link } from '../link/link.js';
import type { Route } from '../local/route.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Envelope } from '../wire/envelope.js';
import { AGE_MARGIN_MS, LIST_MARGIN_MS, type LiveOptions } from './live-options.js';
import { LiveAnswers } from './live-answers.js';
import type { LiveCursor } from './live-cursor.js';
import { LiveReceiver } from './live-receiver.js';
import { LiveRepairs } from './live-repairs.js';
import { LiveSender } from './live-sender.js';
import { decodeResend } from './resend-messages.js';

/**
 * Messages without a history that were lost, or may have been, for the members of this instance.
 */
export interface Interruption {
  readonly hub: string;
  /**
   * Undefined for messages to users, connections and the whole hub, and where it cannot be known.
   */
  readonly room: string | undefined;
  /** The instance that had sent them. */
  readonly instance: string;
  /** For how long they were missing, or this instance was away. */
  readonly forMs: number;
  readonly lost: number | 'unknown';
}

export interface LiveRoomsOptions {
  readonly transport: Transport;
  readonly link: Link;
  readonly identity: Identity;
  readonly channels: ChannelNames;
  readonly hubs: LocalHubs;
  readonly counters: Counters;
  readonly log: ThrottledLog;
  readonly live: LiveOptions;
  /** The other instances, as far as is known. */
  readonly known: () => readonly InstanceRecord[];
  /** A message that nobody waits for did not leave, and will not. */
  readonly onUnsent: (error: Error) => void;
}

/**
 * Messages without a history that outlast an outage: what this instance sent, and what it has yet
 * to get.
 */
export class LiveRooms {
  readonly sender: LiveSender;
  readonly #options: LiveRoomsOptions;
  readonly #receiver: LiveReceiver;
  readonly #repairs: LiveRepairs;
  readonly #answers: LiveAnswers;
  readonly #events = new EventEmitter();
  readonly #offStatus: () => void;
  readonly #startedAt = performance.now();
  /** Whether all others read messages with positions; undefined before it is known. */
  #isReadByAll: boolean | undefined;
  /** Since when this instance may have missed what was sent; undefined while it hears all. */
  #awaySince: number | undefined;
  /** When it last came back from that. */
  #backAt = 0;
  /** Instances that become known before then may have sent something while this one was away. */
  #strangersUntil = 0;
  #strangersSince = 0;
  #readyWaits: (() => void)[] = [];

  constructor(options: LiveRoomsOptions) {
    this.#options = options;
    const { live, identity, link } = options;
    const { windowMs } = live;
    const maxAgeMs = windowMs + AGE_MARGIN_MS;
    this.#events.setMaxListeners(0);
    this.sender = new LiveSender({
      ...options,
      ...live,
      isReadByAll: () => this.#isReadByAll !== false,
    });
    this.#receiver = new LiveReceiver({
      ...options,
      windowMs,
      heardAllSince: () => (this.#awaySince === undefined ? this.#backAt : Infinity),
      reachMs: windowMs + LIST_MARGIN_MS,
      onHole: (cursor) => this.#repairs.hole(cursor),
      onWhole: (cursor) => this.#repairs.becameWhole(cursor),
      onLost: (cursor, count) => this.#lost(cursor, count),
    });
    this.#repairs = new LiveRepairs({
      ...options,
      windowMs,
      receiver: this.#receiver,
      requester: () => identity.current,
      onUnknown: (life) => this.#unknown(life),
    });
    const { sender } = this;
    this.#answers = new LiveAnswers({ ...options, sender, life: identity.life, maxAgeMs });
    this.#offStatus = link.onStatus((status) => this.#statusChanged(status));
  }

  /** Whether messages leave with their positions, and are kept. */
  get isOn(): boolean {
    return this.#options.live.windowMs > 0 && this.#isReadByAll !== false;
  }

  /** How many messages of others are held, until what was sent before them has come. */
  get held(): number {
    return this.#receiver.held;
  }

  /**
   * For how long back others can ask for what this instance sent; undefined where it has all that
   * it may keep.
   */
  get reachMs(): number | undefined {
    const { completeSince } = this.sender.list;
    return completeSince === -Infinity ? undefined : performance.now() - completeSince;
  }

  /** A broadcast with positions. False if its target is not intelligible. */
  receive(envelope: Envelope, channel: string, route: Route): boolean {
    this.#repairs.heard(envelope.origin);
    return this.#receiver.receive(envelope, channel, route);
  }

  /** A request about what was missed, or an answer to one. False for what is neither. */
  receiveResend({ origin, payload }: Envelope): boolean {
    const message = decodeResend(payload);
    if (!message) return false;
    if ('digestOf' in message) this.#repairs.receiveDigest(origin, message);
    else if ('holesOf' in message) this.#repairs.receiveMessages(origin, message);
    else {
      this.#repairs.asks(this.#lifeOf(origin));
      this.#answers.answer(origin, message);
    }
    return true;
  }

  /**
   * Resolves when nothing that the instance sent before is missing here any more, or will come.
   * Undefined where that is so already.
   */
  whole(instanceId: string): Promise<void> | undefined {
    const { link, live } = this.#options;
    if (live.windowMs === 0) return undefined;
    const life = this.#lifeOf(instanceId);
    if (link.status === 'ready' && !this.#repairs.isRepairing(life)) return undefined;
    return this.#whenReady().then(() => this.#repairs.whole(life));
  }

  /** The members were listed, or could not be. */
  membersListed(): void {
    this.#isReadByAll = this.#options.known().every(({ live }) => live !== undefined);
    this.sender.start();
  }

  instanceJoined(record: InstanceRecord): void {
    const now = performance.now();
    if (now < this.#strangersUntil) this.#ask(record, now - this.#strangersSince);
  }

  /**
   * One that left will send nothing again. One whose lease lapsed may only have been slow, and is
   * waited for as any other.
   */
  instanceGone({ live }: InstanceRecord, how: Departure): void {
    if (!live || how === 'lost') return;
    // A lapsed lease ends as well when its instance comes back under another id.
    const isBack = this.#options.known().some((other) => other.live?.id === live.id);
    if (!isBack) this.#repairs.senderGone(live.id);
  }

  onInterrupted(listener: (interruption: Interruption) => void): () => void {
    const guarded = guardedListener('interrupted', listener, this.#options.log);
    this.#events.on('interrupted', guarded);
    return () => this.#events.off('interrupted', guarded);
  }

  close(): void {
    this.#offStatus();
    this.#answers.close();
    this.#repairs.close();
    this.#receiver.close();
    this.sender.close();
    this.#endReadyWaits();
    this.#events.removeAllListeners();
  }

  #statusChanged(status: BackplaneStatus): void {
    const { link, known, live } = this.#options;
    const now = performance.now();
    if (status === 'ready') {
      this.sender.resume();
      if (this.#awaySince !== undefined && live.windowMs > 0) {
        const absentMs = now - this.#awaySince;
        this.#strangersSince = this.#awaySince;
        this.#strangersUntil = now + live.windowMs + LIST_MARGIN_MS;
        for (const record of known()) this.#ask(record, absentMs);
      }
      if (this.#awaySince !== undefined) this.#backAt = now;
      this.#awaySince = undefined;
      this.#repairs.linkBack();
      this.#endReadyWaits();
    } else {
      const { probeAgeMs } = link;
      this.#awaySince ??= probeAgeMs === undefined ? this.#startedAt : now - probeAgeMs;
      this.#repairs.linkLost();
      if (status === 'closed') this.#endReadyWaits();
    }
  }

  #ask({ live }: InstanceRecord, absentMs: number): void {
    if (live && live.windowMs > 0) this.#repairs.wasAway(live.id, absentMs);
  }

  /** The id under which the instance numbers what it sends. */
  #lifeOf(instanceId: string): string {
    const record = this.#options.known().find(({ id }) => id === instanceId);
    return record?.live?.id ?? instanceId;
  }

  #whenReady(): Promise<void> {
    const { status } = this.#options.link;
    if (status === 'ready' || status === 'closed') return Promise.resolve();
    return new Promise((resolve) => this.#readyWaits.push(resolve));
  }

  #endReadyWaits(): void {
    for (const resolve of this.#readyWaits.splice(0)) resolve();
  }

  #lost({ life, route }: LiveCursor, count: number): void {
    this.#options.counters.lostBroadcasts += count;
    const instance = this.#instanceOf(life);
    const forMs = Math.round(this.#repairs.durationOf(life));
    this.#tell({ hub: route.hub.name, room: route.room, instance, forMs, lost: count });
  }

  #unknown(life: string): void {
    const forMs = Math.round(performance.now() - this.#strangersSince);
    for (const hub of this.#options.hubs.listening())
      this.#tell({
        hub,
        room: undefined,
        instance: this.#instanceOf(life),
        forMs,
        lost: 'unknown',
      });
  }

  /** The id under which the others know the sender now; its first one where it has gone. */
  #instanceOf(life: string): string {
    return this.#options.known().find(({ live }) => live?.id === life)?.id ?? life;
  }

  #tell(interruption: Interruption): void {
    this.#events.emit('interrupted', interruption);
  }
}
