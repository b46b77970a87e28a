import type { Link } from '../link/link.js';
import type { BackplaneLogger } from '../common/logger.js';
import type { HubDirectory } from './hub-directory.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Identity } from './identity.js';
import { instanceOf } from '../wire/instance-id.js';

export interface OwnIdsOptions {
  readonly identity: Identity;
  readonly hubs: HubDirectory;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly ttlMs: number;
  /** Whether an answer to an id of this instance may be under way. */
  readonly isAsking: (id: string) => boolean;
  readonly logger: BackplaneLogger;
}

/** The channels that come with the ids of this instance: on them it hears messages to each id. */
export class OwnIds {
  readonly #options: OwnIdsOptions;

  constructor(options: OwnIdsOptions) {
    this.#options = options;
  }

  /** To the others, the instance with the lapsed lease has died. */
  async change(): Promise<void> {
    const { identity, hubs, link, channels, logger, ttlMs } = this.#options;
    const former = identity.current;
    const id = identity.change();
    logger.warn(
      `This instance did not renew its lease for ${ttlMs} ms: was its event loop blocked, or the process stopped? The others ` +
        `have taken it for dead, and it goes on as ${id}, formerly ${former}.`,
    );
    const { confirmed } = link.subscriptions.acquire(channels.direct(id));
    await Promise.all([confirmed, hubs.listenAs(id)]);
  }

  /**
   * Former ids are needed while a connection has its id from them, and while something sent under
   * them may be under way.
   */
  retire(): void {
    const { identity, hubs, link, channels, ttlMs, isAsking } = this.#options;
    if (identity.former.length === 0) return;
    const births = new Set(hubs.connectionIds().map(instanceOf));
    const isNeeded = (former: string): boolean => births.has(former) || isAsking(former);
    for (const id of identity.retire(ttlMs, isNeeded)) {
      link.subscriptions.release(channels.direct(id));
      hubs.silenceAs(id);
    }
  }
}
