import type { Role } from '../stage/redis-proxy.js';

interface At {
  /** Since the begin of the schedule. */
  readonly atMs: number;
}

interface For extends At {
  readonly forMs: number;
}

interface Network extends For {
  /** Which instance: 0, 1, 2… */
  readonly instance: number;
  readonly roles: readonly Role[];
}

/** Why Redis says no, while it is there. */
export type Refusing =
  | { readonly how: 'no-memory' | 'read-only' | 'no-replicas' }
  | { readonly how: 'no-right'; readonly rights: readonly string[] };

export type Fault =
  /** It ends without a word; it comes back with all it had, or with nothing. */
  | ({ readonly kind: 'kill-redis'; readonly keeps: boolean } & For)
  /** SIGSTOP, then SIGCONT. */
  | ({ readonly kind: 'stop-redis' } & For)
  /** CLIENT KILL of all connections of a type. */
  | ({ readonly kind: 'kill-clients'; readonly type: 'pubsub' | 'normal' } & At)
  /** The replica gets nothing for so long, then takes over. */
  | ({ readonly kind: 'promote-replica' } & For)
  /** It answers, and refuses. */
  | ({ readonly kind: 'refuse' } & Refusing & For)
  /** SCRIPT FLUSH, again and again. */
  | ({ readonly kind: 'forget-scripts' } & For)
  /** So many messages in one turn of the event loop. */
  | ({ readonly kind: 'burst'; readonly instance: number; readonly messages: number } & At)
  | ({ readonly kind: 'cut' } & Network)
  | ({ readonly kind: 'delay'; readonly delayMs: number } & Network)
  | ({ readonly kind: 'stall' } & Network)
  /** Published messages are lost on the way to the instance, each with this chance. */
  | ({ readonly kind: 'drop'; readonly instance: number; readonly oneIn: number } & For)
  | ({ readonly kind: 'delete-stream'; readonly room: string } & At)
  | ({ readonly kind: 'delete-meta'; readonly room: string } & At)
  /** SIGKILL; a new instance takes its place after so long. */
  | ({ readonly kind: 'kill-instance'; readonly instance: number } & For)
  | ({ readonly kind: 'block-instance'; readonly instance: number } & For)
  | ({ readonly kind: 'slow-reader'; readonly reader: number } & For)
  /** Leaves a room and joins another. */
  | ({ readonly kind: 'change-room'; readonly reader: number; readonly to: string } & At);

export type FaultKind = Fault['kind'];

/** For the report. */
export function describeFault(fault: Fault): string {
  const at = `${(fault.atMs / 1_000).toFixed(2)} s`;
  const lasting = 'forMs' in fault ? ` for ${fault.forMs} ms` : '';
  return `${at}: ${whatOf(fault)}${lasting}`;
}

function whatOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill-redis':
      return `kill Redis, which ${fault.keeps ? 'keeps its data' : 'comes back empty'},`;
    case 'stop-redis':
      return 'stop Redis';
    case 'kill-clients':
      return `CLIENT KILL TYPE ${fault.type}`;
    case 'promote-replica':
      return 'promote the replica, which lags';
    case 'refuse':
      return `let Redis refuse (${fault.how === 'no-right' ? `no ${fault.rights.join(', ')}` : fault.how})`;
    case 'forget-scripts':
      return 'SCRIPT FLUSH in a loop';
    case 'burst':
      return `a burst of ${fault.messages} messages of instance ${fault.instance}`;
    case 'cut':
    case 'stall':
      return `${fault.kind} ${fault.roles.join(' and ')} of instance ${fault.instance}`;
    case 'delay':
      return `delay ${fault.roles.join(' and ')} of instance ${fault.instance} by ${fault.delayMs} ms`;
    case 'drop':
      return `drop one message in ${fault.oneIn} to instance ${fault.instance}`;
    case 'delete-stream':
      return `delete the stream of ${fault.room}`;
    case 'delete-meta':
      return `delete the meta of ${fault.room}`;
    case 'kill-instance':
      return `kill instance ${fault.instance}, which is away`;
    case 'block-instance':
      return `block the event loop of instance ${fault.instance}`;
    case 'slow-reader':
      return `reader ${fault.reader} does not read`;
    case 'change-room':
      return `reader ${fault.reader} goes to ${fault.to}`;
  }
}
