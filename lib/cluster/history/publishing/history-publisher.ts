import type { Frame } from '../../../hub/frame.js';
import type { Target } from '../../../hub/target.js';
import type { Append, Appended } from '../../../transport/logs.js';
import type { MessagePublisher, Published, Publishing } from '../../common/publishing.js';
import type { AudienceModifiers } from '../../common/audience-modifiers.js';
import type { Counters } from '../../common/counters.js';
import type { Identity } from '../../membership/identity.js';
import type { ChannelNames } from '../../wire/channels.js';
import { encodeEnvelope, EnvelopeKind } from '../../wire/envelope.js';
import { encodeTarget } from '../../wire/target-codec.js';
import type { HistoryRules } from '../../common/history-rules.js';
import type { Outbox, OutboxOptions } from './outbox.js';
import { type LoggedPart, type SplitTarget, splitTarget } from './split-target.js';

const CHANNELS_OWN_TARGET = Buffer.alloc(0);

/**
 * An id that the backplane gave needs to be known only as long as a try of its own may come again.
 */
const OWN_ID_TTL_MS = 60_000;

/**
 * Of the time that a publish has: where it ends without a replica, there is some left to say so.
 */
const REPLICAS_PART_OF_TIME = 0.75;

interface Sending extends OutboxOptions {
  /** The caller's; undefined: the backplane gives one. */
  readonly id: string | undefined;
  /** Somebody waits for what becomes of it. */
  readonly awaited: boolean;
}

const BY_ITSELF: Publishing = { id: undefined, queue: false };
const FORGOTTEN: Sending = { id: undefined, waits: true, timeoutMs: undefined, awaited: false };

export interface HistoryPublisherOptions {
  readonly rules: HistoryRules;
  readonly outbox: Outbox;
  readonly identity: Identity;
  readonly channels: ChannelNames;
  readonly counters: Counters;
  readonly commandTimeoutMs: number;
  /** How long an id of the caller's is known. */
  readonly idempotencyTtlMs: number;
  /** The log of the channel has a message more. */
  readonly onAppended: (channel: string) => void;
  /** A message is in its history, but was not published, for this reason. */
  readonly onUnheard: (reason: string) => void;
  /** Something that was to be forgotten could not leave. */
  readonly onUnsent: (error: Error) => void;
}

/** The way out of messages to targets with a history: into their logs, and to nobody before. */
export class HistoryPublisher {
  readonly #options: HistoryPublisherOptions;
  #sequence = 0;

  constructor(options: HistoryPublisherOptions) {
    this.#options = options;
  }

  /** @param live takes what goes to targets without a history */
  publisherOf(hub: string, live: MessagePublisher): MessagePublisher {
    const { rules, commandTimeoutMs, onUnsent } = this.#options;
    if (!rules.any) return live;
    return {
      emit: (target, modifiers, frame) => {
        const split = splitMessage(target, modifiers, rules);
        if (split.logged.length > 0)
          this.#append(hub, split.logged, modifiers, frame, FORGOTTEN).catch(onUnsent);
        if (split.live) live.emit(split.live, modifiers, frame);
      },
      publish: (target, modifiers, frame, publishing = BY_ITSELF) => {
        const { id, queue } = publishing;
        const split = splitMessage(target, modifiers, rules);
        if (split.logged.length === 0) return live.publish(target, modifiers, frame, publishing);
        const ms = modifiers.timeoutMs ?? commandTimeoutMs;
        const sending = { id, waits: queue, timeoutMs: queue ? undefined : ms, awaited: true };
        const appends = this.#append(hub, split.logged, modifiers, frame, sending);
        if (!split.live) return publishedBy(appends);
        return publishedBy(appends, live.publish(split.live, modifiers, frame, publishing));
      },
    };
  }

  /** A message that waits here keeps no frame: the appends have copies of it. */
  #append(
    hub: string,
    parts: readonly LoggedPart[],
    modifiers: AudienceModifiers,
    frame: Frame,
    sending: Sending,
  ): Promise<Appended[]> {
    const { counters, identity } = this.#options;
    counters.emitted++;
    const sequence = ++this.#sequence;
    const envelope = {
      kind: EnvelopeKind.broadcast,
      origin: identity.current,
      sequence,
      binary: frame.binary,
      mayRepeat: false,
      volatile: modifiers.volatile,
      compress: modifiers.compress,
      payload: frame.payload,
    };
    // The caller's ids begin with a character that an instance's id does not have: the two never
    // meet.
    const id = sending.id ?? `${identity.current}.${sequence}`;
    const sent = parts.map((part) => {
      const bytes = encodeEnvelope({ ...envelope, target: targetBytes(part) });
      return this.#send(this.#appendOf(hub, part, id, bytes, sending), sending);
    });
    return Promise.all(sent);
  }

  async #send(append: Append, sending: Sending): Promise<Appended> {
    const { counters, outbox, onAppended, onUnheard } = this.#options;
    const appended = await outbox.send(append, sending);
    // An id of the backplane's own is known only from a try of this same message.
    const duplicate = appended.duplicate && sending.id !== undefined;
    if (duplicate) counters.republished++;
    else counters.published++;
    onAppended(append.channel);
    if (appended.unheard !== undefined) onUnheard(appended.unheard);
    return duplicate === appended.duplicate ? appended : { ...appended, duplicate };
  }

  #appendOf(
    hub: string,
    { kind, name, rule }: LoggedPart,
    id: string,
    bytes: Buffer,
    sending: Sending,
  ): Append {
    const { channels, commandTimeoutMs, idempotencyTtlMs } = this.#options;
    const ownId = sending.id === undefined;
    const append = {
      channel: channels.group(hub, kind, name),
      id,
      bytes,
      limits: rule,
      idempotencyTtlMs: ownId ? Math.min(OWN_ID_TTL_MS, idempotencyTtlMs) : idempotencyTtlMs,
    };
    if (!sending.awaited || rule.durability !== 'replicated') return append;
    const timeoutMs = sending.timeoutMs ?? commandTimeoutMs;
    return { ...append, replicaTimeoutMs: replicaTimeoutMs(timeoutMs) };
  }
}

async function publishedBy(
  appends: Promise<readonly Appended[]>,
  live?: Promise<unknown>,
): Promise<Published> {
  const appended = live ? (await Promise.all([appends, live]))[0] : await appends;
  const { epoch, offset } = appended[0]!;
  return { epoch, offset, duplicate: appended.every(({ duplicate }) => duplicate) };
}

/** In whole milliseconds, as WAIT takes them; it would wait for ever for 0. */
function replicaTimeoutMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs * REPLICAS_PART_OF_TIME);
}

function splitMessage(
  target: Target,
  modifiers: AudienceModifiers,
  rules: HistoryRules,
): SplitTarget {
  return modifiers.local ? { logged: [], live: target } : splitTarget(target, rules);
}

/** Empty where the channel says it all. */
function targetBytes({ kind, target }: LoggedPart): Buffer {
  const { exceptRooms, exceptUsers, exceptConnections } = target;
  const excepts = exceptRooms.length + exceptUsers.length + exceptConnections.length;
  return kind !== 'all' && excepts === 0 ? CHANNELS_OWN_TARGET : encodeTarget(target);
}
