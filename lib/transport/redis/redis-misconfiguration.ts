import { oneLine } from '../../errors/quote.js';

// Answers of Redis after which trying again cannot help; from the replies of Redis 5 to 8 and
// Valkey.
const AUTHENTICATION = /^(WRONGPASS|NOAUTH)\b|invalid password|^ERR Client sent AUTH/i;
const DATABASE = /DB index is out of range|invalid DB index|SELECT is not allowed/i;
const TLS =
  /wrong version number|packet length too long|EPROTO|tlsv1 alert|ssl3?_|TLS handshake|secure TLS/i;
/**
 * Codes of Node's TLS for a certificate that is expired, not trusted, revoked, or of another host.
 */
const CERTIFICATE =
  /^(CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE))/;
/** Redis says it of the certificate of a client. */
const CLIENT_CERTIFICATE =
  /alert (certificate|bad certificate|unknown ca|unsupported certificate)/i;
/** A URL given as the host appears in the resolver's errors, with its password. */
const USER_INFO = /\/\/\S*@/g;

/** How to fix an error that no retry fixes; else undefined. */
export function misconfiguration(error: Error): string | undefined {
  if (AUTHENTICATION.test(error.message)) {
    return `Redis refused the credentials ("${firstWords(error)}"). Check "username" and "password" of the "redis" option.`;
  }
  if (DATABASE.test(error.message)) {
    return `Redis has no such database ("${firstWords(error)}"). Check "db" of the "redis" option.`;
  }
  return undefined;
}

/**
 * True for an answer of Redis, false for what the network says. By name: the app's copy of ioredis
 * may be another than ours.
 */
export function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError';
}

/**
 * True where trying again does not help before somebody acts: Redis refuses, or its certificate is
 * not accepted, or nobody knows its host.
 */
export function needsSomebody(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    isRefusal(error) ||
    CERTIFICATE.test(code) ||
    CLIENT_CERTIFICATE.test(error.message) ||
    code === 'ENOTFOUND'
  );
}

/**
 * A line for the log about why Redis cannot be reached, with a hint where the error has a usual
 * cause.
 */
export function unreachableReason(error: Error | undefined): string {
  if (!error) return 'the connection was closed';
  if (CLIENT_CERTIFICATE.test(error.message)) {
    return `${firstWords(error)} (Redis did not accept the client's certificate: check "cert" and "key" in "tls" of the "redis" option)`;
  }
  if (CERTIFICATE.test((error as NodeJS.ErrnoException).code ?? '')) {
    return `${firstWords(error)} (Redis's certificate was not accepted: check its dates and names, and "ca" in "tls" of the "redis" option)`;
  }
  if (TLS.test(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`)) {
    return `${firstWords(error)} (does that port speak TLS? Check "tls" of the "redis" option, or rediss:// against redis://)`;
  }
  return firstWords(error);
}

function firstWords(error: Error): string {
  const text = error.message || (error as NodeJS.ErrnoException).code || error.name;
  return oneLine(text.split('\n', 1)[0]!.replace(USER_INFO, '//***@'), 200);
}
