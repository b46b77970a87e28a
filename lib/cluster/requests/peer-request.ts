import { isUtf8 } from 'node:buffer';

import type { WriteFlags } from '../../hub/member.js';
import type { Target } from '../../hub/target.js';
import type { Envelope } from '../wire/envelope.js';
import { isCloseFrame } from '../common/close-frame.js';
import { isName } from '../common/names.js';
import { decodeControlPayload, encodeControlPayload, isCount } from '../wire/control-payload.js';
import { decodeTarget, encodeTarget } from '../wire/target-codec.js';

/** Nobody waits longer for an answer, whatever the requester says. */
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1_000;
const MAX_ID_LENGTH = 64;

/** The kinds of requests of one instance to others. */
export type Operation = 'count' | 'fetch' | 'join' | 'leave' | 'disconnect' | 'ask' | 'event';

const OPERATIONS: ReadonlySet<unknown> = new Set<Operation>([
  'count',
  'fetch',
  'join',
  'leave',
  'disconnect',
  'ask',
  'event',
]);

export interface PeerRequestArguments {
  /** `join`, `leave`. */
  readonly rooms?: readonly string[];
  /** `disconnect`. */
  readonly code?: number;
  readonly reason?: string;
  /** `event`. */
  readonly event?: string;
  /** `event`: nobody waits. */
  readonly unanswered?: boolean;
}

export interface PeerRequest {
  readonly operation: Operation;
  readonly hub: string;
  readonly target: Target;
  readonly delivery: WriteFlags;
  readonly timeoutMs: number;
  readonly args: PeerRequestArguments;
  /** `ask`: the frame that clients read. `event`: the data as JSON. */
  readonly body: Buffer;
  /** The id in the frame of `ask`. */
  readonly id: string;
  /** The parts of the answer before this one have come: 0, unless it is asked again. */
  readonly taken: number;
  /** So many bytes of the answer may come, until the requester allows more. */
  readonly allowedBytes: number;
}

export function encodePeerRequest(request: PeerRequest): Pick<Envelope, 'target' | 'payload'> {
  const { operation, hub, timeoutMs, args, id, body, target, taken, allowedBytes } = request;
  return {
    target: encodeTarget(target),
    payload: encodeControlPayload(
      { operation, hub, timeoutMs, args, id, taken, allowed: allowedBytes },
      body,
    ),
  };
}

/** Undefined for what is no request of a kind that this reader knows. */
export function decodePeerRequest(envelope: Envelope): PeerRequest | undefined {
  const target = decodeTarget(envelope.target);
  const control = decodeControlPayload(envelope.payload);
  if (!target || !control) return undefined;
  const { operation, hub, timeoutMs, args, id, taken, allowed } = control.fields;
  if (!OPERATIONS.has(operation) || typeof hub !== 'string' || typeof id !== 'string')
    return undefined;
  if (!isName(hub) || id.length > MAX_ID_LENGTH) return undefined;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0) || !isArguments(args)) return undefined;
  if (!isCount(taken) || !isCount(allowed)) return undefined;
  // A text frame that is not UTF-8 would make every client that reads it close its connection.
  if (!isUtf8(control.body)) return undefined;
  return {
    operation: operation as Operation,
    hub,
    target,
    delivery: envelope,
    timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS),
    args,
    body: control.body,
    id,
    taken,
    allowedBytes: allowed,
  };
}

function isArguments(args: unknown): args is PeerRequestArguments {
  if (typeof args !== 'object' || args === null) return false;
  const { rooms, code, reason, event } = args as Record<string, unknown>;
  return (
    (rooms === undefined || (Array.isArray(rooms) && rooms.every(isName))) &&
    isCloseFrame(code, reason) &&
    (event === undefined || typeof event === 'string')
  );
}
