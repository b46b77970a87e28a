/**
 * Paths are compared segment by segment, as they were sent, after one decoding of what is
 * percent-encoded. Nothing else is done to them: no `.` or `..` is resolved, no slash is added,
 * dropped or made of a backslash, an encoded slash parts no segments, and upper case is not lower
 * case. A URL parser would do some of that, and lead a request past what stands before the app, and
 * goes by paths.
 */

/** As Nest writes paths: one slash in front, none at the end. */
export function normalisePath(path: string | undefined): string {
  return `/${(path ?? '').split('/').filter(Boolean).join('/')}`;
}

/** Whether two gateways name the same path; it may be written encoded or not. */
export function isSamePath(one: string | undefined, other: string | undefined): boolean {
  return keyOfDeclared(one) === keyOfDeclared(other);
}

/** The key of all requests to a gateway's path. */
export function keyOfDeclared(path: string | undefined): string {
  const segments = normalisePath(path).split('/');
  return segments.map((segment) => encode(decode(segment) ?? segment)).join('/');
}

/**
 * The key of a request's path, without the query. Undefined for what is no path, or has an escape
 * that is none.
 */
export function keyOfRequest(target = ''): string | undefined {
  if (!target.startsWith('/')) return undefined;
  const [path = ''] = target.split('?', 1);
  const segments = path.split('/').map(decode);
  return segments.includes(undefined)
    ? undefined
    : segments.map((segment) => encode(segment!)).join('/');
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function encode(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}
