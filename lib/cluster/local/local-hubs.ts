import type { HubDirectory } from '../membership/hub-directory.js';
import type { Connection } from './connection.js';
import type { Route } from './route.js';
import { LocalHub, type LocalHubOptions } from './local-hub.js';

/** The hubs that this instance serves, and which of them a channel belongs to. */
export class LocalHubs implements HubDirectory {
  readonly #options: LocalHubOptions;
  readonly #served = new Map<string, LocalHub>();

  constructor(options: LocalHubOptions) {
    this.#options = options;
  }

  get(name: string): LocalHub | undefined {
    return this.#served.get(name);
  }

  /** The hubs that hear their channels. */
  listening(): string[] {
    return [...this.#served.values()].filter((hub) => hub.listening).map(({ name }) => name);
  }

  /** Resolves when the others can know all hubs, or when there is no point in waiting for that. */
  async subscribed(): Promise<void> {
    await Promise.all([...this.#served.values()].map((hub) => hub.subscribed));
  }

  /** How many connections all hubs have here. */
  get connections(): number {
    return [...this.#served.values()].reduce((sum, { size }) => sum + size, 0);
  }

  connectionIds(): string[] {
    return [...this.#served.values()].flatMap((hub) => [...hub.members()].map(({ id }) => id));
  }

  /** This instance has one more id. Resolves when all hubs hear of it. */
  async listenAs(instanceId: string): Promise<void> {
    await Promise.all([...this.#served.values()].map((hub) => hub.listenAs(instanceId)));
  }

  /** This instance has given up a former id. */
  silenceAs(instanceId: string): void {
    for (const hub of this.#served.values()) hub.silenceAs(instanceId);
  }

  /** Also of a channel that is heard still, though nobody is there any more. */
  heardRoute(channel: string): Route | undefined {
    return this.#options.subscriptions.heardRouteOf(channel) as Route | undefined;
  }

  route(channel: string): Route | undefined {
    return this.#options.subscriptions.routeOf(channel) as Route | undefined;
  }

  close(): void {
    for (const served of this.#served.values()) served.close();
  }

  /** Serves the hub of this name from now on; the same one for the same name. */
  serve<M extends Connection>(name: string): LocalHub<M> {
    const served = this.#served.get(name) ?? new LocalHub(name, this.#options);
    this.#served.set(name, served);
    return served as unknown as LocalHub<M>;
  }
}
