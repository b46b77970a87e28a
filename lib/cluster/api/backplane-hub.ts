import type { AnyEvents } from '../common/events.js';
import { HubAudience, type HubPublisher } from './hub-audience.js';

/**
 * A hub as seen from anywhere in the app: everyone in it, on every instance, whether this instance
 * serves it or not.
 */
export class BackplaneHub<
  Events extends object = AnyEvents,
  ServerEvents extends object = AnyEvents,
> extends HubAudience<Events, ServerEvents> {
  readonly name: string;

  /** @internal */
  constructor(name: string, publisher: HubPublisher) {
    super(publisher);
    this.name = name;
  }
}
