import type { Transport } from '../../transport/transport.js';
import type { Counters } from '../common/counters.js';
import type { Link } from '../link/link.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { ChannelNames } from '../wire/channels.js';
import { decodeEnvelope, encodeControl, EnvelopeKind } from '../wire/envelope.js';
import type { LiveCursor } from './live-cursor.js';
import type { LiveReceiver } from './live-receiver.js';
import { Repair } from './repair.js';
import {
  decodeEnd,
  type DigestAnswer,
  encodeDigestRequest,
  encodeHolesRequest,
  type Hole,
  type HolesAnswer,
  type ResendItem,
} from './resend-messages.js';

/**
 * So many senders are asked at a time: their answers together stay within what Redis lets a
 * subscriber have unread.
 */
const MAX_ASKED = 4;
/** Holes that one request names. */
const MAX_HOLES = 256;
const LOOK_EVERY_MS = 250;
/** A request that was asked so shortly before is on its way. */
const SOON_MS = 5;
/** A request that has no answer for so long is asked again. */
const ASK_AGAIN_MS = 1_000;

export interface LiveRepairsOptions {
  readonly transport: Pick<Transport, 'publish'>;
  readonly link: Pick<Link, 'status'>;
  readonly channels: Pick<ChannelNames, 'direct'>;
  readonly hubs: Pick<LocalHubs, 'heardRoute'>;
  readonly counters: Counters;
  /** The id under which this instance is answered. */
  readonly requester: () => string;
  readonly receiver: LiveReceiver;
  /** A sender that says nothing for so long is given up. */
  readonly windowMs: number;
  /** It cannot be known which messages of the sender the members here missed. */
  readonly onUnknown: (life: string) => void;
}

/**
 * Asks senders for what this instance missed of their live messages: after it was away, and where
 * something does not follow.
 */
export class LiveRepairs {
  readonly #options: LiveRepairsOptions;
  /** By sender, in the order in which they are asked. */
  readonly #repairs = new Map<string, Repair>();
  /** By sender, those who wait until nothing of it is missing. */
  readonly #waits = new Map<string, (() => void)[]>();
  #lastRequest = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LiveRepairsOptions) {
    this.#options = options;
  }

  /** Whether something of the sender may be missing. */
  isRepairing(life: string): boolean {
    return this.#repairs.has(life);
  }

  /** For how long something of the sender has been missing, in ms. */
  durationOf(life: string): number {
    const repair = this.#repairs.get(life);
    return repair ? performance.now() - repair.begunAt : 0;
  }

  /**
   * Resolves when nothing of the sender is missing that came before, or can be had; or when this is
   * closed.
   */
  whole(life: string): Promise<void> {
    if (!this.#repairs.has(life)) return Promise.resolve();
    return new Promise((resolve) => {
      const waits = this.#waits.get(life);
      if (waits) waits.push(resolve);
      else this.#waits.set(life, [resolve]);
    });
  }

  /** This instance may have missed anything that the sender sent within that time. */
  wasAway(life: string, absentMs: number): void {
    this.#repairOf(life).wasAway(performance.now() - absentMs);
    this.#askOthers();
  }

  /** Something of the sender has come: it is there, and may have much to send before it answers. */
  heard(life: string): void {
    if (this.#repairs.size === 0) return;
    const repair = this.#repairs.get(life);
    if (repair) repair.progressAt = performance.now();
  }

  /** The sender asks itself, so that it hears again. Earlier requests to it may have been lost. */
  asks(life: string): void {
    const request = this.#repairs.get(life)?.request;
    if (!request || performance.now() - request.at < SOON_MS) return;
    this.#repairs.get(life)!.answered(false);
    this.#askOthers();
  }

  hole(cursor: LiveCursor): void {
    if (this.#closed) return;
    this.#repairOf(cursor.life).holes.add(cursor);
    this.#askOthers();
  }

  becameWhole(cursor: LiveCursor): void {
    const repair = this.#repairs.get(cursor.life);
    if (!repair?.holes.delete(cursor)) return;
    this.#endIfDone(repair);
  }

  /** The sender has gone: what it did not send again will not come. */
  senderGone(life: string): void {
    const repair = this.#repairs.get(life);
    if (repair) this.#giveUp(repair);
  }

  receiveDigest(life: string, answer: DigestAnswer): void {
    const repair = this.#repairs.get(life);
    const request = repair?.request;
    if (!repair || request?.id !== answer.digestOf) return;
    repair.answered();
    const absentMs = performance.now() - repair.awaySince!;
    if (answer.reachMs !== undefined && answer.reachMs < absentMs && !repair.isUnknown) {
      repair.isUnknown = true;
      this.#options.onUnknown(life);
    }
    for (const { channel, start, number } of answer.entries)
      this.#reaches(life, channel, start, number);
    repair.digested(answer.next);
    this.#endIfDone(repair);
    this.#askOthers();
  }

  receiveMessages(life: string, { holesOf, items }: HolesAnswer): void {
    const repair = this.#repairs.get(life);
    const request = repair?.request;
    if (!repair || request?.id !== holesOf) return;
    repair.answered();
    for (const item of items) {
      const cursor = request.cursors[item.index];
      if (cursor) this.#take(cursor, item);
    }
    this.#endIfDone(repair);
    this.#askOthers();
  }

  /** Requests that are under way are lost. */
  linkLost(): void {
    for (const repair of this.#repairs.values()) repair.answered();
  }

  linkBack(): void {
    this.#askOthers();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const repair of this.#repairs.values()) this.#end(repair);
  }

  #repairOf(life: string): Repair {
    let repair = this.#repairs.get(life);
    if (!repair) {
      repair = new Repair(life);
      this.#repairs.set(life, repair);
      this.#timer ??= setTimeout(this.#look, LOOK_EVERY_MS);
    }
    return repair;
  }

  #reaches(life: string, channel: string, start: number, number: number): void {
    const { receiver, hubs } = this.#options;
    const route = hubs.heardRoute(channel);
    if (route) receiver.reaches(receiver.cursorOf(life, channel, route), start, number);
  }

  #take(cursor: LiveCursor, { kind, number, bytes }: ResendItem): void {
    const { receiver, counters } = this.#options;
    if (kind === 'void') return receiver.skip(cursor, number);
    if (kind === 'end') return this.#takeEnd(cursor, number, bytes);
    const envelope = decodeEnvelope(bytes);
    if (!envelope?.live || envelope.origin !== cursor.life) return;
    if (number > cursor.number && !cursor.held(number)) counters.recovered++;
    receiver.receive(envelope, cursor.channel, cursor.route);
  }

  #takeEnd(cursor: LiveCursor, last: number, bytes: Buffer): void {
    const { receiver } = this.#options;
    const end = decodeEnd(bytes);
    if (!end) return;
    if (end.start !== cursor.start) {
      receiver.giveUp(cursor, cursor.top);
      if (end.start > cursor.start) receiver.reaches(cursor, end.start, last);
      return;
    }
    receiver.pass(cursor, Math.min(end.lostFrom - 1, last));
    receiver.giveUp(cursor, last);
  }

  /** Asks as many senders as may be asked at a time. */
  #askOthers(): void {
    if (this.#closed || this.#options.link.status !== 'ready') return;
    let asked = 0;
    for (const { request } of this.#repairs.values()) if (request) asked++;
    for (const repair of this.#repairs.values()) {
      if (asked >= MAX_ASKED) return;
      if (repair.request || !this.#ask(repair)) continue;
      asked++;
    }
  }

  #ask(repair: Repair): boolean {
    const id = ++this.#lastRequest;
    if (repair.awaySince !== undefined) {
      const absentMs = Math.ceil(performance.now() - repair.awaySince);
      repair.asked({ id, cursors: [] });
      this.#tell(repair.life, encodeDigestRequest({ digest: id, absentMs, after: repair.after }));
      return true;
    }
    const now = performance.now();
    const cursors: LiveCursor[] = [];
    const entries: Hole[] = [];
    for (const cursor of repair.holes) {
      if (!cursor.isMissing) continue;
      const { channel, start, missesSince } = cursor;
      const sinceMs = Math.max(0, now - missesSince);
      for (const [from, to] of cursor.gaps(cursor.top, MAX_HOLES - entries.length)) {
        cursors.push(cursor);
        entries.push({ channel, start, number: from, to, sinceMs });
      }
      if (entries.length === MAX_HOLES) break;
    }
    if (entries.length === 0) return false;
    repair.asked({ id, cursors });
    this.#tell(repair.life, encodeHolesRequest({ holes: id, entries }));
    return true;
  }

  #tell(life: string, payload: Buffer): void {
    const { transport, channels, requester } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.resend,
      origin: requester(),
      sequence: 0,
      payload,
    });
    transport.publish(channels.direct(life), bytes, { lane: 'control' }).catch(() => {});
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const { link, windowMs, receiver, hubs } = this.#options;
    receiver.dropEnded();
    const now = performance.now();
    for (const repair of this.#repairs.values()) {
      for (const cursor of repair.holes)
        if (cursor.isWhole || hubs.heardRoute(cursor.channel) !== cursor.route)
          repair.holes.delete(cursor);
      const { request } = repair;
      repair.look();
      if (link.status !== 'ready') repair.progressAt = now;
      else if (now - repair.progressAt > windowMs) this.#giveUp(repair);
      else if (request && now - request.at > ASK_AGAIN_MS) repair.answered(false);
      this.#endIfDone(repair);
    }
    this.#askOthers();
    if (this.#repairs.size > 0) this.#timer = setTimeout(this.#look, LOOK_EVERY_MS);
  };

  #giveUp(repair: Repair): void {
    if (repair.awaySince !== undefined && !repair.isUnknown) this.#options.onUnknown(repair.life);
    repair.digested(undefined);
    for (const cursor of repair.holes) this.#options.receiver.giveUp(cursor, cursor.top);
    repair.progressAt = performance.now();
    this.#endIfDone(repair);
  }

  #endIfDone(repair: Repair): void {
    if (repair.isDone) this.#end(repair);
  }

  #end(repair: Repair): void {
    this.#repairs.delete(repair.life);
    const waits = this.#waits.get(repair.life) ?? [];
    this.#waits.delete(repair.life);
    for (const resolve of waits) resolve();
  }
}
