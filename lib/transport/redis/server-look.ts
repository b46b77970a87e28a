import type { Redis } from 'ioredis';

/** The kind and role of a server, as far as it lets us know. */
export interface ServerLook {
  readonly kind: 'master' | 'replica' | 'sentinel' | 'unknown';
  /** In cluster mode. */
  readonly isCluster: boolean;
  /** How many masters its slots are spread over; undefined where it does not say. */
  readonly masters?: number;
}

/**
 * Looks at the server that the client is connected to. Where a question is forbidden (INFO, ROLE,
 * CLUSTER may be), other answers tell. Never rejects, but may take as long as the server does.
 * @param key one that nobody uses, among those that the user may use
 */
export async function lookAtServer(client: Redis, key: string): Promise<ServerLook> {
  const [replication, server] = await Promise.all([
    client.info('replication').catch(() => ''),
    client.info('server').catch(() => ''),
  ]);
  const mode = fieldOf(server, 'redis_mode');
  if (mode === 'sentinel') return { kind: 'sentinel', isCluster: false };
  const [kind, cluster] = await Promise.all([
    kindBy(fieldOf(replication, 'role')) ?? kindByOthers(client, key),
    mode === undefined || mode === 'cluster' ? clusterOf(client, key, mode) : STANDALONE,
  ]);
  return { kind, ...cluster };
}

type Kind = ServerLook['kind'];
type Cluster = Omit<ServerLook, 'kind'>;

const STANDALONE: Cluster = { isCluster: false };

export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}

function kindBy(role: unknown): Kind | undefined {
  if (role === 'slave' || role === 'replica') return 'replica';
  return role === 'master' || role === 'sentinel' ? role : undefined;
}

/** By ROLE, or by a write that changes nothing. */
async function kindByOthers(client: Redis, key: string): Promise<Kind> {
  try {
    const [role] = await client.role();
    const kind = kindBy(String(role));
    if (kind) return kind;
  } catch {
    // It may be forbidden.
  }
  return client.pexpire(key, 1).then(
    () => 'master',
    (error: Error) => (/\bREADONLY\b/.test(error.message) ? 'replica' : 'unknown'),
  );
}

/** @param mode undefined: not known */
async function clusterOf(client: Redis, key: string, mode: string | undefined): Promise<Cluster> {
  try {
    const slots = (await client.cluster('SLOTS')) as unknown as [number, number, string[]][];
    const masters = new Set(slots.map(([, , [host, port]]) => `${host}:${port}`));
    return { isCluster: true, masters: masters.size };
  } catch (error) {
    if (/cluster support disabled/i.test((error as Error).message)) return STANDALONE;
  }
  return client.exists(key).then(
    () => ({ isCluster: mode === 'cluster' }),
    ({ message }: Error) => {
      // Another node has the slot, so there is one.
      if (/^MOVED\b/.test(message)) return { isCluster: true, masters: 2 };
      return { isCluster: mode === 'cluster' || /^CLUSTERDOWN\b/.test(message) };
    },
  );
}
