import { Audience, type AudienceSink } from './audience.js';
import type { AnyEvents } from './events.js';

/** A hub as seen from anywhere in the app: everyone in it, on every instance, whether this instance serves it or not. */
export class BackplaneHub<Events extends object = AnyEvents> extends Audience<Events> {
  readonly name: string;

  /** @internal */
  constructor(name: string, sink: AudienceSink) {
    super(sink);
    this.name = name;
  }
}
