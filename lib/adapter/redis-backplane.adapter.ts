import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'ws';

import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import { Logger } from '@nestjs/common';

import type { Backplane } from '../cluster/backplane.js';
import { assertName } from '../cluster/common/names.js';
import { OnceLog } from '../cluster/common/once-log.js';
import { ThrottledLog } from '../cluster/common/throttled-log.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { quote } from '../errors/quote.js';
import type { AdapterOptions, AdapterOverrides, MessageParser } from './options/adapter.options.js';
import { getAdapterOptionsToken, getOwnBackplaneToken } from './options/adapter.tokens.js';
import { type AdapterContext, AppProviders } from './app-providers.js';
import { BackplaneServer } from './backplane-server.js';
import type { BackplaneSocket } from './client/backplane-socket.js';
import { BufferBudget } from './write/buffer-budget.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { Endpoint } from './endpoint.js';
import { assertGatewayOptions, type GatewayOptions } from './options/gateway-options.js';
import { GatewayHooks } from './gateway-hooks.js';
import { HandlerWatch } from './dispatch/handler-watch.js';
import { Heartbeat } from './client/heartbeat.js';
import { defaultMessageParser } from './dispatch/message-parser.js';
import { ADAPTER_OPTIONS, normaliseAdapterOptions } from './options/normalise-adapter-options.js';
import { assertKnown, invalidOption } from './options/option-checks.js';
import { HttpListener } from './http-listener.js';
import type { DisconnectCallback } from './client/session.js';
import { ForeignClients } from './upgrade/foreign-clients.js';
import { isSamePath, normalisePath } from './upgrade/upgrade-path.js';
import { CloseCode } from './write/close-codes.js';

/** On the adapters of all copies of this package. */
const IS_OURS = Symbol.for('nestjs-redis-backplane:adapter');

/** The port of gateways that have none of their own: they are on the app's HTTP server. */
const APP_PORT = 0;

/** Whether it is an adapter of this package, or of another copy of it. */
export function isBackplaneAdapter(adapter: object): boolean {
  return IS_OURS in adapter;
}

/**
 * Nest's adapter for WebSockets. `RedisBackplaneModule` installs it; the explicit form is
 * `app.useWebSocketAdapter(new RedisBackplaneAdapter(app))`.
 *
 * @throws BackplaneConfigError if the app does not import `RedisBackplaneModule`, and for overrides
 * that cannot work
 */
export class RedisBackplaneAdapter implements WebSocketAdapter<
  BackplaneServer,
  BackplaneSocket,
  GatewayOptions
> {
  /** @internal */
  readonly [IS_OURS] = true;
  /** Set by Nest: do not wait for clients at shutdown. */
  forceCloseConnections: boolean | undefined;
  readonly #providers: AppProviders;
  readonly #backplane: Backplane;
  readonly #options: AdapterOptions;
  readonly #budget: BufferBudget;
  readonly #httpServers: readonly HttpServer[];
  readonly #ports = new Map<number, HttpListener>();
  readonly #endpoints = new Map<BackplaneServer, Endpoint>();
  /** Further servers for a port and path of which Nest has one already. */
  readonly #aliases = new Map<BackplaneServer, Endpoint>();
  readonly #declared = new Set<string>();
  readonly #handlers: HandlerWatch;
  readonly #logger = new Logger('RedisBackplaneAdapter');
  readonly #log = new ThrottledLog(this.#logger);
  readonly #foreignClients = new ForeignClients(this.#log, new OnceLog(this.#logger));
  #parser: MessageParser;
  #heartbeat: Heartbeat | undefined;
  #hooks: GatewayHooks | undefined;

  constructor(context: AdapterContext, overrides: AdapterOverrides = {}) {
    const { backplane: name, httpServer, ...changed } = overrides;
    this.#providers = new AppProviders(context);
    this.#httpServers = httpServersIn(httpServer);
    this.#backplane = this.#providers.find<Backplane>(getOwnBackplaneToken(name), name);
    assertKnown('', changed, ADAPTER_OPTIONS);
    const options = this.#providers.find<AdapterOptions>(getAdapterOptionsToken(name), name);
    const given = Object.entries(changed).filter(([, value]) => value !== undefined);
    this.#options = normaliseAdapterOptions({ ...options, ...Object.fromEntries(given) });
    const { turn, counters } = this.#backplane;
    this.#budget = new BufferBudget({ ...this.#options, turn, counters, log: this.#log });
    this.#parser = this.#options.messageParser ?? defaultMessageParser;
    // Nest reads the methods of a gateway before it asks for the gateway's server.
    this.#handlers = new HandlerWatch(this.#providers.modules);
  }

  /** As of the stock adapter: reads clients' frames from now on. */
  setMessageParser(parser: MessageParser): void {
    if (typeof parser !== 'function')
      throw invalidOption('messageParser', 'a function', parser, 'Give one to setMessageParser().');
    this.#parser = parser;
  }

  create(port: number, gatewayOptions: GatewayOptions = {}): BackplaneServer {
    assertGatewayOptions(gatewayOptions);
    const { path: declared, hub: named, server, ...wsOptions } = gatewayOptions;
    this.#hooks ??= new GatewayHooks(this.#providers.modules, this.#log);
    const path = normalisePath(declared);
    const ownPort = port !== APP_PORT;
    const hub = named ?? (ownPort ? `${port}${path}` : path);
    assertHubName(hub);
    this.#assertOneHub(port, path);
    if (ownPort && server) {
      throw new BackplaneConfigError(
        `A gateway at port ${port} brings a "server" of its own, which this adapter does not take. ` +
          'Leave the port or the server out, or give the adapter the server: new RedisBackplaneAdapter(app, { httpServer }).',
      );
    }
    const listener = this.#portFor(port, wsOptions);
    // A gateway with a port to itself and no path takes any, as with the stock adapter.
    const endpoint = listener.endpoint(ownPort && declared === undefined ? undefined : path, () =>
      this.#makeEndpoint(hub, port, path, wsOptions, listener),
    );
    return this.#serverFor(`${port} ${declared}`, endpoint);
  }

  /**
   * Nest asks once for each port and path. In a hybrid app each microservice registers all gateways
   * again, so Nest asks once more. It gets an alias then, to which no handlers are bound: otherwise
   * each would run twice.
   */
  #serverFor(declared: string, endpoint: Endpoint): BackplaneServer {
    if (!this.#declared.has(declared)) {
      this.#declared.add(declared);
      this.#endpoints.set(endpoint.server, endpoint);
      return endpoint.server;
    }
    const alias = endpoint.makeAlias();
    this.#aliases.set(alias, endpoint);
    return alias;
  }

  bindClientConnect(
    server: BackplaneServer,
    callback: (client: BackplaneSocket, request: IncomingMessage) => void,
  ): void {
    this.#endpoints.get(server)?.onConnect(callback);
  }

  bindClientDisconnect(client: BackplaneSocket, callback: DisconnectCallback): void {
    client.session.onDisconnect(callback);
  }

  /** Nest turns away who comes before the app is ready: they may come back. */
  closeClient(client: BackplaneSocket): void {
    client.disconnect(CloseCode.tryAgainLater, 'not ready yet');
  }

  bindMessageHandlers(client: BackplaneSocket, handlers: WsMessageHandler[]): void {
    client.session.bind(handlers);
  }

  async close(server: BackplaneServer): Promise<void> {
    const endpoint = this.#endpoints.get(server) ?? this.#aliases.get(server);
    await endpoint?.close(this.forceCloseConnections === true);
  }

  async dispose(): Promise<void> {
    this.#heartbeat?.close();
    await Promise.all([...this.#endpoints.keys()].map((server) => this.close(server)));
    await Promise.all([...this.#ports.values()].map((port) => port.close()));
    this.#ports.clear();
    this.#endpoints.clear();
    this.#aliases.clear();
    this.#declared.clear();
  }

  /**
   * Nest makes one server for all gateways of a port and path: a second name for it would be lost.
   */
  #assertOneHub(port: number, path: string): void {
    const names = this.#hooks!.hubNames(
      (ofPort, ofPath) => ofPort === port && isSamePath(ofPath, path),
    );
    if (names.length <= 1) return;
    const said = names.map((name) => (name === undefined ? 'none' : `"${name}"`)).join(' and ');
    throw new BackplaneConfigError(
      `Gateways at ${port === APP_PORT ? '' : `port ${port}, `}path ${path} name different hubs: ${said}. ` +
        'They share their clients, so give all of them the same "hub", or another path.',
    );
  }

  #makeEndpoint(
    hub: string,
    port: number,
    path: string,
    wsOptions: ServerOptions,
    listener: HttpListener,
  ): Endpoint {
    const { heartbeat, bufferLimitBytes, slowClient, maxDepth } = this.#options;
    const isHere = (ofPort: number, ofPath: string | undefined): boolean =>
      ofPort === port && isSamePath(ofPath, path);
    if (heartbeat) this.#heartbeat ??= new Heartbeat(heartbeat);
    this.#logger.log(
      `Hub ${quote(hub)} at ${port === APP_PORT ? '' : `port ${port}, `}path ${quote(path)}`,
    );
    return new Endpoint({
      hub,
      path,
      wsOptions,
      options: {
        ...this.#options,
        authenticate: this.#options.authenticate ?? this.#providers.authenticator(),
      },
      backplane: this.#backplane,
      log: this.#log,
      dispatcher: new Dispatcher({
        parser: () => this.#parser,
        maxDepth,
        counters: this.#backplane.counters,
        log: this.#log,
        handlers: this.#handlers,
      }),
      heartbeat: this.#heartbeat,
      writing: {
        bufferLimitBytes,
        slowClient,
        budget: this.#budget,
        turn: this.#backplane.turn,
        counters: this.#backplane.counters,
      },
      scopedHooks: () => this.#hooks!.scopedConnectionHooks(isHere),
      continuityHooks: () => this.#hooks!.continuityHooks(isHere),
      address: () => listener.http.address(),
      onServerClosed: () => listener.serverClosed(),
    });
  }

  #portFor(port: number, { host, backlog }: ServerOptions): HttpListener {
    const present = this.#ports.get(port);
    if (present) {
      if (port !== APP_PORT && host !== undefined && host !== present.where.host)
        throw new BackplaneConfigError(
          `Gateways at port ${port} name different hosts: "${host}" and ${present.where.host ? `"${present.where.host}"` : 'none'}. Give all of them the same.`,
        );
      return present;
    }
    const where = { ...(host && { host }), ...(backlog !== undefined && { backlog }) };
    const opened =
      port === APP_PORT
        ? HttpListener.of(this.#appServers(), this.#foreignClients)
        : HttpListener.listen(port, where, this.#foreignClients);
    this.#ports.set(port, opened);
    return opened;
  }

  /** Looked up for the first gateway: the module installs the adapter before there is a server. */
  #appServers(): readonly HttpServer[] {
    return this.#httpServers.length > 0 ? this.#httpServers : [this.#providers.httpServer()];
  }
}

function assertHubName(hub: unknown): asserts hub is string {
  try {
    assertName('hub', hub);
  } catch (error) {
    const { message } = error as Error;
    throw new BackplaneConfigError(
      `${message} Name it in @WebSocketGateway({ hub: 'chat' }), or leave "hub" out.`,
      { cause: error },
    );
  }
}

/** @throws BackplaneConfigError for what is no HTTP server */
function httpServersIn(given: unknown): readonly HttpServer[] {
  if (given === undefined) return [];
  const servers = (Array.isArray(given) ? given : [given]) as HttpServer[];
  const isServer = (server: unknown): boolean =>
    typeof server === 'object' && server !== null && 'listen' in server && 'on' in server;
  if (servers.length > 0 && servers.every(isServer)) return [...new Set(servers)];
  throw invalidOption('httpServer', 'an HTTP server, or a list of them', given);
}
