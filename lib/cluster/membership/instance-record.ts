import type { Lease } from '../../transport/transport.js';
import { isStrings, parseObject } from '../wire/control-payload.js';
import { isInstanceId } from '../wire/instance-id.js';

/** A live instance, as the others see it. */
export interface InstanceInfo {
  /** New at every boot, and after its lease has lapsed. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** In ms since the epoch, on the instance's clock. */
  readonly startedAt: number;
  /** How many clients it had when it last renewed its lease. */
  readonly connections: number;
}

/** The record in an instance's lease. */
export interface InstanceRecord extends InstanceInfo {
  /** The hubs that it serves. */
  readonly hubs: readonly string[];
  /** The hubs whose server events it listens to. */
  readonly listens: readonly string[];
  /** Its former ids, in which ids of its connections begin. */
  readonly former: readonly string[];
  /**
   * Set by an instance that reads live messages with positions; see `cluster/live/`. Undefined for
   * one of an earlier release.
   */
  readonly live: LiveRecord | undefined;
}

export interface LiveRecord {
  /** Under this id it numbers what it sends. */
  readonly id: string;
  /** For how long it keeps that at least; 0: it does not number anything. */
  readonly windowMs: number;
}

export function infoOf({ id, host, pid, startedAt, connections }: InstanceRecord): InstanceInfo {
  return { id, host, pid, startedAt, connections };
}

/** Longer ones are no record: nobody has so many hubs. */
const MAX_RECORD_LENGTH = 256 * 1024;
const MAX_HOST_LENGTH = 255;

/**
 * Undefined for a lease or an announcement that cannot be read: it is of another version, or of
 * somebody else. Any publisher in this Redis may write anything into one.
 */
export function recordIn({ id, value }: Pick<Lease, 'id' | 'value'>): InstanceRecord | undefined {
  if (!isInstanceId(id) || value.length > MAX_RECORD_LENGTH) return undefined;
  const said = parseObject(value) ?? {};
  const { host, pid, startedAt, connections, hubs, listens, former } = said;
  if (typeof host !== 'string' || host.length > MAX_HOST_LENGTH) return undefined;
  if (!isStrings(hubs) || !isStrings(listens) || !isStrings(former)) return undefined;
  if (!isCount(pid) || !isCount(startedAt) || !isCount(connections)) return undefined;
  if (!former.every(isInstanceId)) return undefined;
  const live = liveRecordIn(said['live']);
  return { id, host, pid, startedAt, connections, hubs, listens, former, live };
}

function liveRecordIn(said: unknown): LiveRecord | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  const { id, windowMs } = said as Record<string, unknown>;
  if (typeof id !== 'string' || !isInstanceId(id) || !isCount(windowMs)) return undefined;
  return { id, windowMs };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
