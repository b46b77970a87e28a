export type {
  AdapterOptions,
  AdapterOverrides,
  Authenticate,
  BackplaneAuthenticator,
  BackplaneUser,
  ClientMessage,
  HeartbeatOptions,
  MessageParser,
  SlowClientPolicy,
} from './adapter/adapter.options.js';
export { BACKPLANE_AUTHENTICATOR, getBackplaneToken } from './adapter/adapter.tokens.js';
export { BackplaneServer, type ServerEvent } from './adapter/backplane-server.js';
export { BackplaneSocket, type SocketEvent } from './adapter/backplane-socket.js';
export type { Handshake } from './adapter/handshake.js';
export { type GatewayOptions, RedisBackplaneAdapter } from './adapter/redis-backplane.adapter.js';
export { Audience } from './cluster/audience.js';
export { Backplane } from './cluster/backplane.js';
export { BackplaneHub } from './cluster/backplane-hub.js';
export type { Counters } from './cluster/counters.js';
export type { AnyEvents, EventArguments, EventName } from './cluster/events.js';
export type { BackplaneStatus } from './cluster/link.js';
export { BackplaneError } from './errors/backplane.error.js';
export { BackplaneClosedError } from './errors/backplane-closed.error.js';
export { BackplaneConfigError } from './errors/backplane-config.error.js';
export { BackplaneUnavailableError } from './errors/backplane-unavailable.error.js';
export { createBackplane } from './module/create-backplane.js';
export { InjectBackplane } from './module/inject-backplane.decorator.js';
export { RedisBackplaneModule } from './module/redis-backplane.module.js';
export type {
  RedisBackplaneModuleAsyncOptions,
  RedisBackplaneModuleExtras,
  RedisBackplaneModuleOptions,
  RedisBackplaneOptions,
  RedisBackplaneOptionsFactory,
} from './module/redis-backplane.options.js';
