import type { Role } from '../../continuity/stage/redis-proxy.js';

interface At {
  /** Since the begin of the schedule. */
  readonly atMs: number;
}

interface For extends At {
  readonly forMs: number;
}

interface Place extends At {
  /** Which instance: 0, 1, 2… */
  readonly instance: number;
}

/** What befalls Redis, links and instances. */
export type Outage =
  /** SIGKILL; it comes back empty. */
  | ({ readonly kind: 'kill-redis' } & For)
  /** SIGSTOP, then SIGCONT. */
  | ({ readonly kind: 'stop-redis' } & For)
  /** A script that takes so long. From 5 s on, Redis answers commands with BUSY. */
  | ({ readonly kind: 'block-redis' } & For)
  /** CLIENT KILL of all connections of a type. */
  | ({ readonly kind: 'kill-clients'; readonly type: 'pubsub' | 'normal' } & At)
  /** The connections break, and no new ones come about; for 0 ms: they break once. */
  | ({ readonly kind: 'cut'; readonly roles: readonly Role[] } & For & Place)
  /** A black hole: what is said is kept, in order, for as long. */
  | ({ readonly kind: 'stall'; readonly roles: readonly Role[] } & For & Place)
  /** Each byte takes so long, in each direction. */
  | ({ readonly kind: 'delay'; readonly roles: readonly Role[]; readonly delayMs: number } & For &
      Place)
  | ({ readonly kind: 'block-instance' } & For & Place)
  /** SIGKILL; a new instance takes its place after so long. */
  | ({ readonly kind: 'kill-instance' } & For & Place)
  /** As after a deployment: the app is closed, and a new one starts. */
  | ({ readonly kind: 'restart-instance' } & For & Place);

/** What the apps and their clients do besides. */
export type Action =
  /** So many messages in one turn of the event loop. */
  | ({ readonly kind: 'burst'; readonly messages: number; readonly target: string } & Place)
  | ({ readonly kind: 'change-room'; readonly reader: number; readonly to: string } & At)
  /** The client comes back as a new connection, perhaps elsewhere. */
  | ({ readonly kind: 'reconnect'; readonly reader: number } & Place)
  /** A message to the reader's own room, and `disconnectSockets` behind it. */
  | ({ readonly kind: 'kick'; readonly reader: number } & Place)
  /** A message to a room, and `serverSideEmit` behind it. */
  | ({ readonly kind: 'mark'; readonly room: string } & Place);

export type LiveFault = Outage | Action;
export type LiveFaultKind = LiveFault['kind'];

/** For the report. */
export function describeLiveFault(fault: LiveFault): string {
  const at = `${(fault.atMs / 1_000).toFixed(2)} s`;
  const lasting = 'forMs' in fault ? ` for ${fault.forMs} ms` : '';
  return `${at}: ${whatOf(fault)}${lasting}`;
}

function whatOf(fault: LiveFault): string {
  switch (fault.kind) {
    case 'kill-redis':
    case 'stop-redis':
    case 'block-redis':
      return fault.kind.replace('-r', ' R');
    case 'kill-clients':
      return `CLIENT KILL TYPE ${fault.type}`;
    case 'cut':
    case 'stall':
      return `${fault.kind} ${fault.roles.join(' and ')} of instance ${fault.instance}`;
    case 'delay':
      return `delay ${fault.roles.join(' and ')} of instance ${fault.instance} by ${fault.delayMs} ms`;
    case 'block-instance':
      return `block the event loop of instance ${fault.instance}`;
    case 'kill-instance':
    case 'restart-instance':
      return `${fault.kind.replace('-', ' ')} ${fault.instance}, which is away`;
    case 'burst':
      return `a burst of ${fault.messages} messages of instance ${fault.instance} to ${fault.target}`;
    case 'change-room':
      return `reader ${fault.reader} goes to ${fault.to}`;
    case 'reconnect':
      return `reader ${fault.reader} comes back, to instance ${fault.instance}`;
    case 'kick':
      return `instance ${fault.instance} disconnects reader ${fault.reader}`;
    case 'mark':
      return `instance ${fault.instance} emits to ${fault.room}, and to servers`;
  }
}
