import type { Member } from '../hub/member.js';
import { type Route, ServedHub, type ServedHubOptions } from './served-hub.js';

/** The hubs that this instance serves, and which of them a channel belongs to. */
export class ServedHubs {
  readonly #options: ServedHubOptions;
  readonly #served = new Map<string, ServedHub>();
  readonly #routes = new Map<string, Route>();

  constructor(options: Omit<ServedHubOptions, 'routes'>) {
    this.#options = { ...options, routes: this.#routes };
  }

  get(name: string): ServedHub | undefined {
    return this.#served.get(name);
  }

  route(channel: string): Route | undefined {
    return this.#routes.get(channel);
  }

  close(): void {
    for (const served of this.#served.values()) served.close();
  }

  /** Serves the hub of this name from now on; the same one for the same name. */
  serve<M extends Member>(name: string): ServedHub<M> {
    const served = this.#served.get(name) ?? new ServedHub(name, this.#options);
    this.#served.set(name, served);
    return served as unknown as ServedHub<M>;
  }
}
