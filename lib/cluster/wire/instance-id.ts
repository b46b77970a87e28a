import { randomBytes } from 'node:crypto';

/** Characters of an instance's id: 96 random bits in base64url. */
export const INSTANCE_ID_LENGTH = 16;

const INSTANCE_ID = /^[\w-]{16}$/;

/**
 * Whether it may be the id of an instance: nothing that a log line or a channel's name could
 * stumble over.
 */
export function isInstanceId(id: string): boolean {
  return INSTANCE_ID.test(id);
}

/** New at every boot: an instance that comes back is another one. */
export function newInstanceId(): string {
  return randomBytes(12).toString('base64url');
}

/** A connection's id names its instance, so that a message to it goes to that instance alone. */
export function connectionId(instanceId: string, serial: number): string {
  // In one piece: one that is put together is kept as its parts, which take twice the memory.
  return [instanceId, serial.toString(36)].join('.');
}

/** The instance that gave out a connection id; undefined for anything that is no such id. */
export function instanceOf(id: string): string | undefined {
  return id.charAt(INSTANCE_ID_LENGTH) === '.' ? id.slice(0, INSTANCE_ID_LENGTH) : undefined;
}
