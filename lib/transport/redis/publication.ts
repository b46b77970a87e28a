import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { isFinalRefusal } from './log-failure.js';
import type { RedisClients } from './redis-clients.js';
import type { Outgoing } from './outgoing.js';
import { unansweredReason } from './unanswered-reason.js';

/** A message for a channel. Resolves with how many subscribers Redis sent it to. */
export class Publication implements Outgoing<number> {
  readonly channel: string;

  /** @param isCounted somebody needs to know how many subscribers there were */
  constructor(
    private readonly clients: RedisClients,
    channel: string,
    readonly bytes: Buffer,
    readonly isCounted: boolean,
  ) {
    this.channel = clients.prefix + channel;
  }

  get length(): number {
    return this.bytes.length;
  }

  command(): Promise<number> {
    return this.clients.commands.publish(this.channel, this.bytes);
  }

  get failed(): (error: Error) => Error {
    return notTaken;
  }
}

function notTaken(error: Error): BackplaneUnavailableError {
  const reason = unansweredReason(error);
  if (isFinalRefusal(error)) {
    return new BackplaneRefusedError(
      `Redis refused the message: ${reason}. Trying again does not help until that is fixed.`,
      { cause: error },
    );
  }
  return new BackplaneUnavailableError(
    `Redis did not take the message: ${reason}. Send it again if it must arrive.`,
    { cause: error },
  );
}
