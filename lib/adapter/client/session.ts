import type { WsMessageHandler } from '@nestjs/common';

/** The hooks of a gateway that Nest calls for each client, and does not wait for. */
export type GatewayHook = 'handleConnection' | 'handleDisconnect';

export type DisconnectCallback = (code: number, reason: Buffer) => void;

/** The session behind a client's socket, for code that has only the socket. */
export interface Session {
  /** How many rooms the client may be in; `Infinity` for any number. */
  readonly maxRooms: number;
  /** Adds the handlers of one more gateway. */
  bind(handlers: readonly WsMessageHandler[]): void;
  /** The client was asked something: it is read for its answer, though enough of it is held. */
  asked(): void;
  /** The app wants nothing more read of the client for now. */
  pauseReading(): void;
  /** The app wants it read again. */
  resumeReading(): void;
  onDisconnect(callback: DisconnectCallback): void;
  /** Makes the call of a gateway's hook, in a way that no throw and no rejection of it escapes. */
  callHook(hook: GatewayHook, gateway: string, scoped: boolean, call: () => unknown): Promise<void>;
  /**
   * Sees what is sent while a request of the client is handled; true if it was taken for the
   * request's answer.
   */
  takesAsAnswer(event: string, data: unknown): boolean;
  /** As {@link takesAsAnswer}, of a raw frame. */
  takesFrameAsAnswer(frame: unknown): boolean;
}
