import { types } from 'node:util';

import { describe, quote } from '../../errors/quote.js';
import { Frame } from '../../hub/frame.js';
import { jsonText } from './json.js';

/** Events that start so are the backplane's own. */
export const RESERVED_PREFIX = '$';

/**
 * The text that clients read, `{"event":…,"data":…}`, as a frame; with an `id` where an answer is
 * wanted.
 *
 * @throws TypeError if the event is not a non-empty string, or reserved, or if JSON cannot hold the
 * data
 */
export function eventFrame(event: string, data: unknown, id?: string | number): Frame {
  assertEvent(event);
  const idMember = id === undefined ? '' : `,"id":${JSON.stringify(id)}`;
  return Frame.text(`{"event":${JSON.stringify(event)}${dataMember(event, data)}${idMember}}`);
}

/** The argument of `send`. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView;

/**
 * The argument of `send` as a frame: a string as text, bytes as binary. The bytes are copied: the
 * caller may reuse them.
 */
export function rawFrame(raw: Sendable): Frame {
  assertRaw('send', raw);
  if (typeof raw === 'string') return Frame.text(raw);
  if (ArrayBuffer.isView(raw)) {
    return new Frame(Buffer.from(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength)), true);
  }
  return new Frame(Buffer.from(new Uint8Array(raw)), true);
}

/**
 * A value that JSON brought is no frame: an object in the form of an array or a Buffer would be
 * taken for bytes.
 * @throws TypeError for anything but a string or bytes
 */
export function assertRaw(method: 'send' | 'ping' | 'pong', raw: unknown): asserts raw is Sendable {
  if (typeof raw === 'string' || ArrayBuffer.isView(raw) || types.isAnyArrayBuffer(raw)) return;
  const remedy =
    method === 'send'
      ? 'Use emit() for an event with data, or send(JSON.stringify(…)) for JSON of your own form.'
      : 'Give it 125 bytes at most, or nothing.';
  throw new TypeError(
    `${method}() takes a string (a text frame) or bytes (a binary frame), got ${describe(raw)}. ${remedy}`,
  );
}

function dataMember(event: string, data: unknown): string {
  return data === undefined ? '' : `,"data":${dataText(event, data)}`;
}

/** @throws TypeError if JSON cannot hold the data */
export function dataText(event: string, data: unknown): string {
  return jsonText(() => `The data of ${quote(event)}`, data);
}

/** @throws TypeError for anything but a non-empty string that is not reserved */
export function assertEvent(event: unknown): asserts event is string {
  if (typeof event !== 'string' || event === '') {
    throw new TypeError(`An event must be a non-empty string, got ${describe(event)}.`);
  }
  if (event.startsWith(RESERVED_PREFIX)) {
    throw new TypeError(
      `The event ${quote(event)} starts with "${RESERVED_PREFIX}", which is reserved for the backplane's own. Name it otherwise.`,
    );
  }
}
