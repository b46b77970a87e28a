import { Catch } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { BaseWsExceptionFilter, WsException } from '@nestjs/websockets';
import { BackplaneUnavailableError } from 'nestjs-redis-backplane';

/** Tells the client why its message could not be kept, instead of "Internal server error". */
@Catch(BackplaneUnavailableError)
export class UnavailableFilter extends BaseWsExceptionFilter {
  override catch({ message }: BackplaneUnavailableError, host: ArgumentsHost): void {
    // eslint-disable-next-line promise/valid-params -- not of a promise
    super.catch(new WsException(message), host);
  }
}
