import { oneLine } from '../../errors/quote.js';
import { settledWithin } from '../../timing/deadline.js';
import type { Capability, Need, Refusal, Transport } from '../../transport/transport.js';
import type { BackplaneLogger } from '../common/logger.js';
import type { Link } from './link.js';

export interface CapabilityCheckOptions {
  readonly transport: Pick<Transport, 'check'>;
  readonly link: Pick<Link, 'onStatus'>;
  readonly needs: readonly Need[];
  readonly timeoutMs: number;
  readonly logger: BackplaneLogger;
}

/** The feature that does not work without it. */
const WITHOUT: Readonly<Record<Need, string>> = {
  leases:
    'instances do not know of each other (count(), fetchSockets(), emitWithAck(), socketsJoin(), socketsLeave(), ' +
    'disconnectSockets(), instances() and requests to servers fail, or reach this instance only)',
  append: 'no message enters a room with history (emit() loses it, publish() rejects)',
  replicate: 'publish() to rooms with durability "replicated" rejects',
  compare: 'nobody who joins a room with history gets its messages',
  read: 'messages that are missing in a room with history stay missing (history() rejects)',
  identify:
    'another Redis at the same address, if no connection is cut, is noticed only when rooms with history are compared',
};

const NEEDS_OF_HISTORY: readonly Need[] = ['append', 'compare', 'read', 'identify'];

/**
 * When the link has come up, and each time that it is back, perhaps on another server: asks whether
 * Redis would carry out what is needed, and logs what it refuses, in one line. The same line is not
 * logged again until another one was.
 */
export class CapabilityCheck {
  readonly #options: CapabilityCheckOptions;
  readonly #offStatus: () => void;
  #running: Promise<void> = Promise.resolve();
  #reported = '';
  #isClosed = false;

  constructor(options: CapabilityCheckOptions) {
    this.#options = options;
    this.#offStatus = options.link.onStatus((status) => {
      if (status === 'ready') this.#running = this.#run();
    });
  }

  /** Resolves when the check that is under way has ended. */
  settled(): Promise<void> {
    return this.#running;
  }

  close(): void {
    this.#isClosed = true;
    this.#offStatus();
  }

  async #run(): Promise<void> {
    const { transport, needs, timeoutMs } = this.#options;
    const checked = transport.check(needs).then((found) => this.#tell(found));
    await settledWithin(timeoutMs, checked);
  }

  #tell({ refusals, warnings }: Capability): void {
    if (this.#isClosed) return;
    const { logger } = this.#options;
    const line = refusals.length > 0 ? lineFor(refusals) : '';
    const all = [line, ...warnings].join('\n');
    if (all === this.#reported) return;
    this.#reported = all;
    if (line) logger.error(line);
    for (const warning of warnings) logger.warn(warning);
  }
}

/** The capabilities that a cluster with these rules needs. */
export function needsOf(
  rules: readonly { readonly durability: 'replicated' | undefined }[],
): readonly Need[] {
  if (rules.length === 0) return ['leases'];
  const isReplicated = rules.some(({ durability }) => durability === 'replicated');
  return ['leases', ...NEEDS_OF_HISTORY, ...(isReplicated ? (['replicate'] as const) : [])];
}

function lineFor(refusals: readonly Refusal[]): string {
  const byReason = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const same = byReason.get(refusal.reason);
    if (same) same.push(refusal);
    else byReason.set(refusal.reason, [refusal]);
  }
  const sentences = [...byReason].map(([reason, all]) => {
    const lacks = new Set(all.map(({ need }) => WITHOUT[need]));
    const fixes = new Set(all.map(({ fix }) => fix));
    return `It says "${oneLine(reason)}", so ${[...lacks].join(', and ')}. ${[...fixes].join(' ')}`;
  });
  return `Redis refuses some of what the backplane needs. ${sentences.join(' ')}`.trimEnd();
}
