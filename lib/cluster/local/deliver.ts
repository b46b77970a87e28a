import { Frame, type StreamPosition } from '../../hub/frame.js';
import { targetOfGroup } from '../../hub/target.js';
import type { Route } from './route.js';
import type { Envelope } from '../wire/envelope.js';
import { decodeTarget } from '../wire/target-codec.js';

/**
 * Writes what an envelope carries to the members here whom it means. Answers with how many that
 * are; undefined if its target is not intelligible.
 */
export function deliverEnvelope(
  { hub, room, user }: Route,
  envelope: Envelope,
  position?: StreamPosition,
): number | undefined {
  const frame = new Frame(envelope.payload, envelope.binary, position);
  if (envelope.target.length > 0) {
    const target = decodeTarget(envelope.target);
    return target && hub.deliver(target, frame, envelope);
  }
  if (room !== undefined) return hub.deliverToRoom(room, frame, envelope);
  if (user !== undefined) return hub.deliverToUser(user, frame, envelope);
  return undefined;
}

/** As {@link deliverEnvelope}, for a message that was sent so long ago. */
export function deliverLate(route: Route, envelope: Envelope, ageMs: number): number | undefined {
  const frame = new Frame(envelope.payload, envelope.binary);
  const target = envelope.target.length > 0 ? decodeTarget(envelope.target) : targetOfGroup(route);
  return target && route.hub.deliverAsOf(ageMs, target, frame, envelope);
}
