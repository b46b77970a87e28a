import { instanceOf } from '../wire/instance-id.js';
import type { InstanceRecord } from '../membership/instance-record.js';

export interface Owned {
  readonly byOwner: ReadonlyMap<string, readonly string[]>;
  readonly unknownConnections: readonly string[];
}

/** Which of the instances has which of the connections. */
export function owners(ids: readonly string[], records: readonly InstanceRecord[]): Owned {
  const ownerOf = new Map<string, string>();
  for (const { id, former } of records) for (const name of former) ownerOf.set(name, id);
  // An id of a live instance is never the former id of another.
  for (const { id } of records) ownerOf.set(id, id);
  const byOwner = new Map<string, string[]>();
  const unknownConnections: string[] = [];
  for (const id of ids) {
    const owner = ownerOf.get(instanceOf(id) ?? '');
    if (owner === undefined) unknownConnections.push(id);
    else if (byOwner.has(owner)) byOwner.get(owner)!.push(id);
    else byOwner.set(owner, [id]);
  }
  return { byOwner, unknownConnections };
}

/** Adds them to what is known of the named connections. */
export function note({ byOwner }: Owned, named: Map<string, readonly string[]>): void {
  for (const [owner, ids] of byOwner) named.set(owner, ids);
}
