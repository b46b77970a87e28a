// What Redis answers when trying again cannot help; from the replies of Redis 5 to 8 and Valkey.
const AUTHENTICATION = /^(WRONGPASS|NOAUTH)\b|invalid password|^ERR Client sent AUTH/i;
const DATABASE = /DB index is out of range|invalid DB index|SELECT is not allowed/i;
const TLS =
  /wrong version number|packet length too long|EPROTO|tlsv1 alert|ssl3?_|TLS handshake|secure TLS/i;

/** Says the mend if the error is one that no retry mends; else undefined. */
export function misconfiguration(error: Error): string | undefined {
  if (AUTHENTICATION.test(error.message)) {
    return `Redis refused the credentials ("${firstWords(error)}"). Check "username" and "password" of the "redis" option.`;
  }
  if (DATABASE.test(error.message)) {
    return `Redis has no such database ("${firstWords(error)}"). Check "db" of the "redis" option.`;
  }
  return undefined;
}

/** True for an answer of Redis, false for what the network says. By name: the app's copy of ioredis may be another than ours. */
export function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError';
}

/** A line for the log about why Redis cannot be reached, with a hint where the error has a usual cause. */
export function unreachableReason(error: Error | undefined): string {
  if (!error) return 'the connection was closed';
  if (TLS.test(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`)) {
    return `${firstWords(error)} (does that port speak TLS? Check "tls" of the "redis" option, or rediss:// against redis://)`;
  }
  return firstWords(error);
}

function firstWords(error: Error): string {
  const text = error.message || (error as NodeJS.ErrnoException).code || error.name;
  return text.split('\n', 1)[0]!.slice(0, 200);
}
