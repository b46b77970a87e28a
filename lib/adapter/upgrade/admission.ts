import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { ForbiddenException, UnauthorizedException } from '@nestjs/common';

import { assertName } from '../../cluster/common/names.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { withDeadline } from '../../timing/deadline.js';
import type { AdapterOptions, BackplaneUser } from '../options/adapter.options.js';
import { SocketClosed, whileOpen } from './while-open.js';

/** Let in, as somebody or as nobody; or refused, with the HTTP status that says why. */
export type AdmissionResult =
  | { readonly admitted: true; readonly user: BackplaneUser | undefined }
  | { readonly admitted: false; readonly status: 401 | 403 | 500 | 503 };

const RETURNED_UNDEFINED =
  'The authenticator returned undefined, so the client was refused with 401. Return the user, or null for nobody: ' +
  'undefined is mostly a forgotten "return", or a look-up that found nothing.';

class TooLate extends Error {}

/** Asks the app's authenticator who connects. */
export class Admission {
  readonly #log: ThrottledLog;
  readonly #options: Pick<
    AdapterOptions,
    'authenticate' | 'authenticateTimeoutMs' | 'allowAnonymous'
  >;

  constructor(
    options: Pick<AdapterOptions, 'authenticate' | 'authenticateTimeoutMs' | 'allowAnonymous'>,
    log: ThrottledLog,
  ) {
    this.#options = options;
    this.#log = log;
  }

  /** Never rejects. The authenticator is waited for no longer once the socket has closed. */
  async check(request: IncomingMessage, socket: Duplex): Promise<AdmissionResult> {
    const { authenticate, authenticateTimeoutMs, allowAnonymous } = this.#options;
    if (!authenticate)
      return allowAnonymous
        ? { admitted: true, user: undefined }
        : { admitted: false, status: 401 };
    try {
      const asked = Promise.resolve(authenticate(request));
      const user = await withDeadline(
        whileOpen(socket, asked),
        authenticateTimeoutMs,
        () => new TooLate(`The authenticator did not answer within ${authenticateTimeoutMs} ms.`),
      );
      if (user === undefined) {
        this.#log.warn('authenticator-undefined', RETURNED_UNDEFINED);
        return { admitted: false, status: 401 };
      }
      if (user === null)
        return allowAnonymous
          ? { admitted: true, user: undefined }
          : { admitted: false, status: 401 };
      assertName('user id (the "id" of what the authenticator returned)', user.id);
      return { admitted: true, user };
    } catch (error) {
      return { admitted: false, status: this.#statusOf(error) };
    }
  }

  #statusOf(error: unknown): 401 | 403 | 500 | 503 {
    if (error instanceof UnauthorizedException) return 401;
    if (error instanceof ForbiddenException) return 403;
    if (error instanceof SocketClosed) return 503;
    if (error instanceof TooLate) {
      this.#log.warn('authenticator-late', error.message);
      return 503;
    }
    this.#log.error('authenticator', 'The authenticator failed', error);
    return 500;
  }
}
