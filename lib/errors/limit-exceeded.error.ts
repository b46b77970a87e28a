import { WsException } from '@nestjs/websockets';

import { type BackplaneError, isOfKind, ofKind } from './backplane.error.js';

/** The limits that an error can be about: members of the option `limits`. */
export type LimitName = 'rooms';

export interface ExceededLimit {
  readonly limit: LimitName;
  /** The value of the limit. */
  readonly max: number;
  /** How many the client had; undefined where that is not known. */
  readonly current?: number | undefined;
  /** How many were asked for: the length of the list that was given. */
  readonly asked: number;
}

/**
 * A client would have gone beyond one of the option `limits`. Nothing of the call was done.
 *
 * It is a `WsException`, too: a client that asks for too much is no fault of the app. If a handler
 * lets it through, the client gets a failure answer, or an `exception`, that says so, and nothing
 * is logged.
 */
@ofKind('BackplaneError', 'LimitExceededError')
export class LimitExceededError extends WsException implements BackplaneError {
  readonly code = 'LIMIT_EXCEEDED';
  /** Which of the option `limits`. */
  readonly limit: LimitName;
  /** Its value. */
  readonly max: number;
  /** How many the client had; undefined where that is not known. */
  readonly current: number | undefined;
  /** How many were asked for: the length of the list that was given. */
  readonly asked: number;

  constructor({ limit, max, current, asked }: ExceededLimit) {
    const before = current === undefined ? '' : `this one is in ${current}, and `;
    const forClients = `A client may be in at most ${max} ${limit}: ${before}${asked} more were asked for.`;
    super(forClients);
    this.name = new.target.name;
    this.message =
      `${forClients} None was joined. Leave some first, check what clients ask for, or raise the limit: ` +
      `limits: { ${limit}: ${2 * max} }, or false for no limit.`;
    this.limit = limit;
    this.max = max;
    this.current = current;
    this.asked = asked;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOfKind(this, value);
  }
}
