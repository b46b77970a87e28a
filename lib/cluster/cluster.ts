import { EventEmitter } from 'node:events';

import { FlushScheduler } from '../hub/flush-scheduler.js';
import { settledWithin } from '../timing/deadline.js';
import type { Transport } from '../transport/transport.js';
import type { Waits } from '../transport/waits.js';
import { PeerRequests } from './requests/peer-requests.js';
import type { HubPublisher } from './api/hub-audience.js';
import { HubOperations } from './requests/hub-operations.js';
import { LivePublisher } from './broadcast/live-publisher.js';
import { ChannelNames } from './wire/channels.js';
import { Continuity } from './history/continuity.js';
import { type HistoryRule, HistoryRules } from './common/history-rules.js';
import type { Counters } from './common/counters.js';
import { Identity } from './membership/identity.js';
import { Inbox } from './wire/inbox.js';
import { type InstanceInfo, infoOf, type InstanceRecord } from './membership/instance-record.js';
import { Instances, type LeaseOptions } from './membership/instances.js';
import { CapabilityCheck, needsOf } from './link/capability-check.js';
import { Link } from './link/link.js';
import { LIST_MARGIN_MS, type LiveOptions } from './live/live-options.js';
import { LiveRooms } from './live/live-rooms.js';
import type { BackplaneLogger } from './common/logger.js';
import { PeerRequestReceiver } from './requests/peer-request-receiver.js';
import { Requests } from './requests/requests.js';
import { Responder } from './requests/responder.js';
import type { Departure } from './membership/membership.js';
import { guardedListener } from './common/guarded-listener.js';
import { LocalHubs } from './local/local-hubs.js';
import { ServerEvents } from './requests/server-events.js';
import { ServerMessages } from './requests/server-messages.js';
import { UnreachedNames } from './requests/unreached-names.js';
import { ThrottledLog } from './common/throttled-log.js';
import { watchedPublisher } from './api/watched-publisher.js';

export interface ClusterParts {
  readonly transport: Transport;
  readonly eventKeys: readonly string[];
  readonly commandTimeoutMs: number;
  readonly failFast: boolean;
  /** How long a broadcast may wait for others to leave with it. */
  readonly coalesceMs: number;
  readonly logger: BackplaneLogger;
  readonly counters: Counters;
  readonly lease: LeaseOptions;
  readonly history: readonly HistoryRule[];
  /** How long the ids of published messages are known. */
  readonly idempotencyTtlMs: number;
  /** Limit for messages that wait for Redis. */
  readonly redisBufferBytes: number;
  readonly live: LiveOptions;
}

export interface InstanceEvents {
  instanceJoined: (instance: InstanceInfo) => void;
  instanceLeft: (instance: InstanceInfo, how: Departure) => void;
}

/** Waiting messages still have so long to leave when the backplane is closed. */
const CLOSE_DRAIN_MS = 5_000;

/** The parts of a backplane, put together. */
export class Cluster {
  readonly identity = new Identity();
  readonly turn: FlushScheduler;
  readonly link: Link;
  readonly hubs: LocalHubs;
  readonly instances: Instances;
  readonly requests: Requests;
  readonly continuity: Continuity;
  readonly live: LiveRooms;
  readonly #parts: ClusterParts;
  readonly #log: ThrottledLog;
  readonly #channels: ChannelNames;
  readonly #broadcasts: LivePublisher;
  readonly #serverEvents: ServerEvents;
  readonly #serverMessages: ServerMessages;
  readonly #responder: Responder;
  readonly #requestInbox: PeerRequestReceiver;
  readonly #peers: PeerRequests;
  readonly #hints: UnreachedNames;
  readonly #capability: CapabilityCheck;
  readonly #emitter = new EventEmitter();
  #closing: Promise<void> | undefined;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#log = new ThrottledLog(parts.logger);
    this.#emitter.setMaxListeners(0);
    const { identity } = this;
    const { transport, counters, commandTimeoutMs } = parts;
    const log = this.#log;
    // To the others is one write; to the members here may be thousands.
    this.turn = new FlushScheduler(() => transport.flush());
    const channels = new ChannelNames(parts.eventKeys);
    this.#channels = channels;
    this.link = this.#makeLink();
    const { link } = this;
    this.#capability = new CapabilityCheck({
      ...parts,
      link,
      needs: needsOf(parts.history),
      timeoutMs: commandTimeoutMs,
    });
    const { subscriptions } = link;
    this.continuity = new Continuity({
      ...parts,
      log,
      identity,
      channels,
      link,
      logs: transport.logs,
      rules: new HistoryRules(parts.history),
      onUnsent: (error) => this.#broadcasts.countUnsent(error, 'history'),
    });
    const { continuity } = this;
    const onListening = (): Promise<void> => this.instances.refresh();
    const onChange = (): void => void onListening();
    const fanOut = { turn: this.turn, coalesceMs: parts.coalesceMs };
    this.hubs = new LocalHubs({
      identity,
      channels,
      subscriptions,
      continuity,
      fanOut,
      onListening,
      maxAgeMs: parts.live.windowMs && parts.live.windowMs + LIST_MARGIN_MS,
    });
    this.#serverEvents = new ServerEvents({ channels, subscriptions, log, onChange });
    const { hubs } = this;
    this.instances = this.#makeInstances();
    const { instances } = this;
    const known = (): InstanceRecord[] => instances.known();
    const onUnsent = (error: Error): void => this.#broadcasts.countUnsent(error);
    const common = { transport, link, channels, identity, hubs, commandTimeoutMs };
    this.live = new LiveRooms({
      ...common,
      counters,
      log,
      live: parts.live,
      known,
      onUnsent,
    });
    const { live } = this;
    this.requests = new Requests({ ...common, instances });
    const { requests } = this;
    const serverEvents = this.#serverEvents;
    const responder = new Responder({ identity, hubs, serverEvents, log });
    this.#responder = responder;
    this.#requestInbox = new PeerRequestReceiver({
      transport,
      channels,
      identity,
      responder,
      counters,
      live,
    });
    const listens = (): string[] => serverEvents.hubs();
    const hints = new UnreachedNames({ ...common, listens, known, logger: parts.logger });
    this.#hints = hints;
    this.#peers = new PeerRequests({ ...common, instances, requests, responder, live, hints });
    this.#broadcasts = new LivePublisher({ ...common, counters, log, live });
    this.#serverMessages = new ServerMessages(this.#peers, (error) =>
      this.#broadcasts.countUnsent(error, 'serverEvent'),
    );
  }

  /** Connects, and makes this instance a member if that worked. Rejects as `Link.start` does. */
  async start(): Promise<void> {
    await this.link.start();
    await Promise.all([this.instances.settled(), this.#capability.settled()]);
  }

  /** Resolves when the link is ready and the others know what there is to know. */
  async ready(): Promise<void> {
    await this.link.ready();
    await this.settled();
  }

  /**
   * Resolves when the others know what there is to know, or when there is no point in waiting for
   * that.
   */
  async settled(): Promise<void> {
    await Promise.all([this.hubs.subscribed(), this.#serverEvents.subscribed()]);
    await this.instances.settled();
  }

  /** How many questions to clients of this instance are open, whichever instance asks. */
  get openQuestions(): number {
    return this.#responder.size;
  }

  publisherOf(hub: string): HubPublisher {
    return {
      ...watchedPublisher(
        hub,
        this.continuity.publisherOf(hub, this.#broadcasts.publisherOf(hub)),
        this.#hints,
      ),
      history: (owner, options) => this.continuity.reader.read(hub, owner, options),
      operations: new HubOperations(hub, this.#peers, this.#log),
      tellServers: (event, data) => this.#serverMessages.tell(hub, event, data),
      askServers: (event, data, modifiers) => this.#serverMessages.ask(hub, event, data, modifiers),
      onServerEvent: (event, handler) => this.#serverEvents.on(hub, event, handler),
    };
  }

  on(event: keyof InstanceEvents, listener: InstanceEvents['instanceLeft']): () => void {
    const guarded = guardedListener(event, listener, this.#log);
    this.#emitter.on(event, guarded);
    return () => this.#emitter.off(event, guarded);
  }

  /** The messages that wait to leave. */
  get waiting(): Waits {
    return this.#parts.transport.waiting;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Sent messages come before the goodbye. */
  async #close(): Promise<void> {
    this.#capability.close();
    const end = performance.now() + CLOSE_DRAIN_MS;
    const sent = this.link.status === 'ready' ? this.live.sender.caughtUp() : undefined;
    await settledWithin(CLOSE_DRAIN_MS, Promise.all([this.continuity.outbox.drained(), sent]));
    await this.#parts.transport.drain(end - performance.now());
    await this.instances.close();
    this.requests.close();
    this.#responder.close();
    this.#requestInbox.close();
    this.continuity.close();
    this.live.close();
    this.hubs.close();
    await this.link.close();
    this.live.sender.end();
    this.#emitter.removeAllListeners();
  }

  #makeLink(): Link {
    const { transport, logger, commandTimeoutMs, failFast, counters } = this.#parts;
    const { identity } = this;
    const inbox = new Inbox({
      counters,
      log: this.#log,
      isOwn: (instanceId) => identity.isOwn(instanceId),
      entries: (channel, bytes) =>
        this.continuity.receive(channel, bytes, this.hubs.route(channel)),
      readers: {
        broadcast: (envelope, channel) => this.#broadcasts.receive(envelope, channel),
        request: (envelope) => this.#requestInbox.receive(envelope),
        resend: (envelope) => this.live.receiveResend(envelope),
        allowance: (envelope) => this.#requestInbox.receiveAllowance(envelope),
        answer: (envelope) => {
          this.instances.heard(envelope.origin);
          return this.requests.receive(envelope);
        },
        announcement: (envelope) =>
          this.requests.receiveReturn(envelope) || this.instances.receive(envelope),
      },
    });
    return new Link({
      transport,
      logger,
      log: this.#log,
      commandTimeoutMs,
      failFast,
      instanceId: identity.current,
      probeChannel: this.#channels.probe(identity.current),
      checkChannels: this.#channels.checks(),
      onMessage: (channel, bytes) => inbox.receive(channel, bytes),
    });
  }

  #makeInstances(): Instances {
    const { transport, commandTimeoutMs, lease, logger } = this.#parts;
    return new Instances({
      transport,
      link: this.link,
      channels: this.#channels,
      identity: this.identity,
      hubs: this.hubs,
      listens: () => this.#serverEvents.hubs(),
      isAsking: (id) => this.requests.isAsking(id),
      liveWindowMs: this.#parts.live.windowMs,
      onMembers: () => this.live.membersListed(),
      commandTimeoutMs,
      lease,
      logger,
      log: this.#log,
      joined: (record) => {
        this.live.instanceJoined(record);
        this.#emitter.emit('instanceJoined', infoOf(record));
      },
      gone: (record, how) => {
        this.live.instanceGone(record, how);
        this.requests.instanceGone(record.id, how);
        this.#emitter.emit('instanceLeft', infoOf(record), how);
      },
    });
  }
}
