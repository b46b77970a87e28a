import type { ProtocolName } from '../common/target.js';

/** What a frame from the server is to a client. */
export type Kind = 'message' | 'ping' | 'open' | 'ready' | 'other';

/** How clients of a target speak, as far as the bench needs it. */
export interface Protocol {
  /** Query parameters of the upgrade. */
  readonly query: string;
  /** How many bytes of a payload {@link kindOf} looks at. */
  readonly peek: number;
  /** Whether the server has to say something before a client is connected. */
  readonly handshake: boolean;
  /** What is answered to a frame that is `open`, `ping`. */
  readonly onOpen: string;
  readonly onPing: string;
  kindOf(bytes: Buffer, at: number, length: number): Kind;
  encode(event: string, data: unknown): string;
}

const plain: Protocol = {
  query: '',
  peek: 0,
  handshake: false,
  onOpen: '',
  onPing: '',
  kindOf: () => 'message',
  encode: (event, data) => JSON.stringify({ event, data }),
};

const ZERO = 48;
const TWO = 50;
const FOUR = 52;

/** Engine.IO 4 and Socket.IO 5 over a WebSocket: open, connect, ping and event packets. */
const socketIo: Protocol = {
  query: 'EIO=4&transport=websocket',
  peek: 2,
  handshake: true,
  onOpen: '40',
  onPing: '3',
  kindOf(bytes, at, length) {
    const first = bytes[at];
    if (first === ZERO) return 'open';
    if (first === TWO) return 'ping';
    if (first !== FOUR || length < 2) return 'other';
    const second = bytes[at + 1];
    return second === TWO ? 'message' : second === ZERO ? 'ready' : 'other';
  },
  encode: (event, data) => `42${JSON.stringify([event, data])}`,
};

export const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  ws: plain,
  'socket.io': socketIo,
};
