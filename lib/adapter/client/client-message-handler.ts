import type { WsMessageHandler } from '@nestjs/common';
import type { RawData } from 'ws';

import type { BackplaneSocket } from './backplane-socket.js';

type Handler = WsMessageHandler['callback'];

/**
 * Takes the messages of clients: the dispatcher, as far as a session needs it. No method throws.
 */
export interface ClientMessageHandler {
  /** A client's handlers, with those of one more gateway. */
  bind(bound: readonly Handler[], handlers: readonly WsMessageHandler[]): readonly Handler[];
  dispatch(
    socket: BackplaneSocket,
    bound: readonly Handler[],
    data: RawData,
    binary: boolean,
  ): void;
  /** Whether the frame answers an open question to the client; then it is taken. */
  takeAnswer(socket: BackplaneSocket, data: RawData, binary: boolean): boolean;
  /** Whether what is sent to the client is the answer to its request: the exception of a filter. */
  takesAsAnswer(socket: BackplaneSocket, event: string, data: unknown): boolean;
  /** As {@link takesAsAnswer}, of a raw frame. */
  takesFrameAsAnswer(socket: BackplaneSocket, frame: unknown): boolean;
}
