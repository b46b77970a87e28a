import type { ClientMessage } from '../options/adapter.options.js';

/** JSON, in a text or a binary frame. Throws for anything else. */
export function defaultMessageParser(data: string | Buffer): ClientMessage {
  return JSON.parse(data.toString()) as ClientMessage;
}
