/** What a smoke client asks its worker to send, and to whom. */
export interface SmokeCommand {
  /** Comes back in what is sent, so that the receiver can tell what it got. */
  mark: string;
  as: 'event' | 'text' | 'binary';
  /**
   * Which door: the gateway's server, the asking client (which is then left out), or the injected
   * Backplane.
   */
  from: 'server' | 'client' | 'injected';
  local?: boolean;
  volatile?: boolean;
  /** An event that Redis has to have taken; twice: under one id. */
  published?: 'once' | 'twice';
  to?: string[];
  toUser?: string[];
  toConnection?: string[];
  except?: string[];
  exceptConnection?: string[];
}

export interface SmokeWelcome {
  connectionId: string;
  /** The instance's name, as the pool gave it. */
  instance: string;
  /** The state of its backplane. */
  status: string;
}

export interface SmokeEvents {
  welcome: SmokeWelcome;
  mark: { mark: string };
  barrier: { number: number; instance: string };
}

const RAW_PREFIX = 'raw ';
/** More than 64 KiB: a WebSocket frame then has its longest kind of length. */
const BINARY_BYTES = 100_000;

export function textOf(mark: string): string {
  return RAW_PREFIX + mark;
}

export function markOfText(text: string): string | undefined {
  return text.startsWith(RAW_PREFIX) ? text.slice(RAW_PREFIX.length) : undefined;
}

/** The mark, a zero byte, and then every byte value in turn, up to a fixed length. */
export function binaryOf(mark: string): Buffer {
  const bytes = Buffer.alloc(BINARY_BYTES);
  const start = bytes.write(`${mark}\0`);
  for (let at = start; at < bytes.length; at++) bytes[at] = at & 0xff;
  return bytes;
}

/** The mark, if each byte is what {@link binaryOf} made it. */
export function markOfBinary(bytes: Buffer): string | undefined {
  const mark = bytes.toString('utf8', 0, bytes.indexOf(0));
  return bytes.equals(binaryOf(mark)) ? mark : undefined;
}
