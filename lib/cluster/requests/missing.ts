import type { Target } from '../../hub/target.js';
import { addressesGroups, type Unanswered } from './peer-requests.js';
import type { Missing, MissingConnection, MissingReason } from './results.js';

/**
 * The gaps of a result, by name. Connections that were named are missing by their ids; an instance
 * that did not answer is named wherever it may have had others, too.
 *
 * @param unknown named connections that their instances do not have
 * @param known per instance, the connections that are known to be missing with it; undefined: not
 * known
 */
export function missingOf(
  target: Target,
  { instances, named, unknownConnections, unknownReason = 'NO_SUCH_CONNECTION' }: Unanswered,
  unknown: readonly string[],
  known: (instanceId: string) => readonly string[] | undefined = () => undefined,
): Missing[] {
  const namesOnly = !addressesGroups(target);
  const missing: Missing[] = [
    ...entries(unknownConnections, unknownReason),
    ...entries(unknown, 'NO_SUCH_CONNECTION'),
  ];
  for (const instance of instances) {
    const { instanceId, reason } = instance;
    const connections = known(instanceId);
    const ids = connections ?? named.get(instanceId) ?? [];
    for (const entry of entries(ids, reason)) missing.push(entry);
    const saysItAll = namesOnly
      ? ids.length > 0
      : connections !== undefined &&
        (reason === 'REQUEST_TIMEOUT' || reason === 'ANSWER_TOO_LARGE');
    if (!saysItAll) missing.push(instance);
  }
  return missing;
}

export function entries(ids: readonly string[], reason: MissingReason): MissingConnection[] {
  return ids.map((connectionId) => ({ connectionId, reason }));
}
