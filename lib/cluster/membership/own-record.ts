import { hostname } from 'node:os';

import type { Transport } from '../../transport/transport.js';
import type { HubDirectory } from './hub-directory.js';
import type { ChannelNames } from '../wire/channels.js';
import { encodeControl, EnvelopeKind } from '../wire/envelope.js';
import { encodeControlPayload } from '../wire/control-payload.js';
import type { Identity } from './identity.js';
import type { InstanceRecord } from './instance-record.js';

export interface OwnRecordOptions {
  readonly transport: Transport;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly hubs: HubDirectory;
  /** The hubs whose server events this instance listens to. */
  readonly listens: () => readonly string[];
  readonly liveWindowMs: number;
}

/**
 * The content of an announcement: a lease was taken; the instance lives, and can keep no lease; it
 * gave its lease up and leaves. The first two come with what a lease says.
 */
export type Announcement =
  { readonly value: string } | { readonly alive: string } | { readonly left: true };

/** The record of this instance: in its lease, and in announcements. */
export class OwnRecord {
  readonly #options: OwnRecordOptions;
  readonly #startedAt = Date.now();
  /**
   * The hubs by which requests go: as the lease has them, and as the others were last notified of
   * them.
   */
  #written = '';
  #announced = '';

  constructor(options: OwnRecordOptions) {
    this.#options = options;
  }

  get current(): InstanceRecord {
    const { identity, hubs, listens, liveWindowMs } = this.#options;
    return {
      id: identity.current,
      host: hostname(),
      pid: process.pid,
      startedAt: this.#startedAt,
      connections: hubs.connections,
      hubs: hubs.listening(),
      listens: listens(),
      former: identity.former,
      live: { id: identity.life, windowMs: liveWindowMs },
    };
  }

  /** As it stands in the lease. */
  value(): string {
    const { id: _, ...said } = this.current;
    this.#written = JSON.stringify([said.hubs, said.listens]);
    return JSON.stringify(said);
  }

  /** Whether the lease has other hubs than those that were announced. */
  get isNews(): boolean {
    return this.#announced !== this.#written;
  }

  announce(announcement: Announcement): Promise<void> {
    const { transport, channels, identity } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.announcement,
      origin: identity.current,
      sequence: 0,
      payload: encodeControlPayload({ ...announcement }),
    });
    this.#announced = this.#written;
    // The goodbye comes behind what was sent before it; a sign of life does not wait.
    const lane = 'left' in announcement ? 'control' : 'urgent';
    return transport.publish(channels.cluster(), bytes, { lane });
  }
}
