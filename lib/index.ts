export type {
  AdapterOptions,
  AdapterOverrides,
  Authenticate,
  BackplaneAuthenticator,
  BackplaneUser,
  ClientMessage,
  Given,
  GivenAdapterOptions,
  GivenLimits,
  HeartbeatOptions,
  LimitOptions,
  MessageParser,
  SlowClientPolicy,
} from './adapter/options/adapter.options.js';
export { BACKPLANE_AUTHENTICATOR } from './adapter/options/adapter.tokens.js';
export { BackplaneServer, type ServerEvent } from './adapter/backplane-server.js';
export { BackplaneSocket } from './adapter/client/backplane-socket.js';
export type { SocketEvent } from './adapter/client/ws-socket.js';
export type { RequestOptions } from './adapter/client/client-questions.js';
export type { GatewayOptions } from './adapter/options/gateway-options.js';
export type { Handshake } from './adapter/upgrade/handshake.js';
export type { OnContinuityLost } from './adapter/on-continuity-lost.js';
export type { AdapterContext } from './adapter/app-providers.js';
export { RedisBackplaneAdapter } from './adapter/redis-backplane.adapter.js';
export { Audience } from './cluster/api/audience.js';
export type { Published, PublishOptions } from './cluster/common/publishing.js';
export { Backplane, type BackplaneEvents, type BackplaneStats } from './cluster/backplane.js';
export { BackplaneHub } from './cluster/api/backplane-hub.js';
export type { ContinuityLoss } from './cluster/history/continuity.js';
export type { Interruption } from './cluster/live/live-rooms.js';
export type { LossReason } from './cluster/local/connection.js';
export type { HistoryOptions, HistoryPosition } from './cluster/history/reader/history-page.js';
export type { HistoryEntry, HistoryPage } from './cluster/history/reader/history-reader.js';
export type { Durability } from './cluster/common/history-rules.js';
export type { Counters } from './cluster/common/counters.js';
export type { AnyEvents, EventArguments, EventName } from './cluster/common/events.js';
export { HubAudience } from './cluster/api/hub-audience.js';
export type { InstanceInfo } from './cluster/membership/instance-record.js';
export type { InstanceList, LeaseOptions } from './cluster/membership/instances.js';
export type { BackplaneStatus } from './cluster/link/link.js';
export { type FetchedSockets, RemoteSocket } from './cluster/api/remote-socket.js';
export type {
  AckAnswer,
  AckOptions,
  AckResult,
  CommandResult,
  CountResult,
  Missing,
  MissingConnection,
  MissingInstance,
  MissingReason,
  ServerSideResult,
  Stale,
} from './cluster/requests/results.js';
export type { Departure } from './cluster/membership/membership.js';
export type { ServerEventContext, ServerEventHandler } from './cluster/requests/server-events.js';
export { BackplaneError } from './errors/backplane.error.js';
export { BackplaneClosedError } from './errors/backplane-closed.error.js';
export { BackplaneConfigError } from './errors/backplane-config.error.js';
export { BackplaneNotReplicatedError } from './errors/backplane-not-replicated.error.js';
export { BackplaneRefusedError } from './errors/backplane-refused.error.js';
export { BackplaneUnavailableError } from './errors/backplane-unavailable.error.js';
export { ClientAnswerError } from './errors/client-answer.error.js';
export { ConnectionClosedError } from './errors/connection-closed.error.js';
export { LimitExceededError, type LimitName } from './errors/limit-exceeded.error.js';
export { NoSuchConnectionError } from './errors/no-such-connection.error.js';
export { RequestTimeoutError } from './errors/request-timeout.error.js';
export { createBackplane } from './module/create-backplane.js';
export type { HistoryOption } from './module/history-option.js';
export { getBackplaneToken, InjectBackplane } from './module/inject-backplane.decorator.js';
export { OnServerEvent, type OnServerEventOptions } from './module/on-server-event.decorator.js';
export { RedisBackplaneModule } from './module/redis-backplane.module.js';
export type {
  RedisBackplaneModuleAsyncOptions,
  RedisBackplaneModuleExtras,
  RedisBackplaneModuleOptions,
  RedisBackplaneOptions,
  RedisBackplaneOptionsFactory,
} from './module/redis-backplane.options.js';
