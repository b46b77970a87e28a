/** How clients of a target speak. */
export type ProtocolName = 'ws' | 'socket.io';

/** What is measured: named and described here, and started by the file that `server` names. */
export interface Target {
  readonly name: string;
  readonly title: string;
  readonly protocol: ProtocolName;
  /** The file beside this one that exports a {@link StartServer}. */
  readonly server: string;
  /** The folder whose node_modules it runs on, where that is not the root's. */
  readonly packages?: string;
  /** Which of several ways to start it. */
  readonly variant?: string;
}

export interface ServerSettings {
  readonly redis: { readonly host: string; readonly port: number };
  readonly variant?: string;
  /** Handlers of a gateway that does nothing, in place of the working one. */
  readonly idleHandlers?: number;
  readonly deflate?: boolean;
  readonly coalesceMs?: number;
  /** All rooms have one: {@link HISTORY}. */
  readonly history?: boolean;
}

/** What a room with history keeps. */
export const HISTORY = { size: 200, ttlMs: 300_000 };

/**
 * Starts one instance on a free port of loopback, and resolves with the port when clients may come.
 */
export type StartServer = (settings: ServerSettings) => Promise<number>;

/** What a client asks for with `say`: the text, to each of some rooms or users. */
export interface Say {
  readonly to: 'room' | 'user';
  /** The number in the first name: `room-7`. */
  readonly first: number;
  /** How many names, and how many messages to each. */
  readonly names: number;
  readonly copies: number;
  /** All names in one call. */
  readonly together?: boolean;
  /** When the client asked, by its own clock. */
  readonly t: number;
  readonly text: string;
}

/** The data of a `said`. */
export type Said = Pick<Say, 't' | 'text'>;

/** What a client asks and gets back. */
export type Echo = Said;

/** The path of the gateways. */
export const PATH = '/bench';

/** Calls `emit` for each message that was asked for. */
export function eachMessage(say: Say, emit: (name: string, said: Said) => void): void {
  const said: Said = { t: say.t, text: say.text };
  for (let i = say.first; i < say.first + say.names; i++) {
    const name = `${say.to}-${i}`;
    for (let copy = 0; copy < say.copies; copy++) emit(name, said);
  }
}

/** The user who connects, as all targets are told. */
export function userOf(url: string | undefined): string | undefined {
  return new URL(url ?? '/', 'ws://localhost').searchParams.get('user') ?? undefined;
}
