import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'ws';

/** The user of a connection, as an authenticator returns it; becomes `client.user`. */
export interface BackplaneUser {
  /** Under which `toUser` finds the user: a non-empty string of at most 255 bytes. */
  readonly id: string;
}

/**
 * Asked at the upgrade, before there is a socket, and only about requests that are a WebSocket
 * handshake to a path that has a gateway. Returns the user, or `null` for nobody, who is let in
 * while `allowAnonymous` is on. `undefined` is neither: it refuses with 401, and is logged. An
 * `UnauthorizedException` or `ForbiddenException` of Nest refuses with 401 or 403; anything else
 * thrown is a 500 without detail, logged.
 */
export type Authenticate = (
  request: IncomingMessage,
) => BackplaneUser | null | Promise<BackplaneUser | null>;

/** A provider under `BACKPLANE_AUTHENTICATOR` may be the function itself or implement this. */
export interface BackplaneAuthenticator {
  authenticate: Authenticate;
}

/** The members of a client's frame that the adapter understands. */
export interface ClientMessage {
  readonly event?: unknown;
  readonly data?: unknown;
  /** There if the client wants an answer. */
  readonly id?: unknown;
  /** In an answer to a question of ours: what went wrong. */
  readonly error?: unknown;
}

/**
 * Reads a client's frame: a string for text, bytes for binary. A frame for which it returns nothing
 * is dropped; an error that it throws is logged.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type MessageParser = (data: any) => ClientMessage | void;

export interface HeartbeatOptions {
  /** How long a connection may be silent before it is pinged. Default 25,000. */
  readonly intervalMs: number;
  /** How long it may then take to answer before it is dropped. Default 10,000. */
  readonly timeoutMs: number;
}

/** The treatment of a client that does not read its messages. */
export type SlowClientPolicy = 'disconnect' | 'drop' | 'pause';

/** Limits for one client. `Infinity` where there is none. */
export interface LimitOptions {
  /** In how many rooms it may be at a time. Default 1,000. */
  readonly rooms: number;
}

/**
 * Options as an app gives them: each may be left out, or undefined, as the variables of an
 * environment are.
 */
export type Given<Options> = { readonly [Name in keyof Options]?: Options[Name] | undefined };

/** The option `limits`, as an app gives it: `false` for no limit. */
export type GivenLimits = Given<Record<keyof LimitOptions, number | false>>;

/** The options of the adapter, all filled in. */
export interface AdapterOptions {
  readonly heartbeat: HeartbeatOptions | false;
  readonly maxPayloadBytes: number;
  readonly maxDepth: number | false;
  readonly bufferLimitBytes: number;
  readonly totalBufferLimitBytes: number;
  readonly slowClient: SlowClientPolicy;
  readonly authenticate: Authenticate | undefined;
  readonly authenticateTimeoutMs: number;
  readonly connectionTimeoutMs: number;
  readonly allowAnonymous: boolean;
  readonly messageParser: MessageParser | undefined;
  readonly perMessageDeflate: ServerOptions['perMessageDeflate'];
  readonly limits: LimitOptions;
}

/** The options of the adapter as an app gives them. */
export interface GivenAdapterOptions extends Given<Omit<AdapterOptions, 'heartbeat' | 'limits'>> {
  readonly heartbeat?: Given<HeartbeatOptions> | false | undefined;
  readonly limits?: GivenLimits | undefined;
}

/**
 * The second argument of `new RedisBackplaneAdapter(app, overrides)`: it wins over the module's
 * options.
 */
export interface AdapterOverrides extends GivenAdapterOptions {
  /** The name of the backplane, where the app has several. */
  readonly backplane?: string | undefined;
  /**
   * Gateways without a port of their own attach to this server, or to each of these, instead of the
   * app's. They are left as they were found.
   */
  readonly httpServer?: HttpServer | readonly HttpServer[] | undefined;
}
