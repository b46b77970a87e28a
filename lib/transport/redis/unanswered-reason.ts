import { oneLine } from '../../errors/quote.js';

// The words of ioredis for a command whose connection went. Its hints at options do not apply to
// ours.
const CONNECTION_GONE =
  /^(Stream isn't writeable|Connection is closed|Reached the max retries per request limit)/;

/** Why a command was not done, in other words where ioredis's would mislead. */
export function unansweredReason({ message }: Error): string {
  return CONNECTION_GONE.test(message) ? 'the connection was closed' : oneLine(message);
}
