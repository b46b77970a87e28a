import { Deadline } from '../../timing/deadline.js';
import type { Link } from '../link/link.js';
import type { PendingRequest } from './pending-request.js';

export interface AskingOptions {
  readonly link: Pick<Link, 'status'>;
  readonly pending: PendingRequest;
  /** How long the others may be out of reach. */
  readonly commandTimeoutMs: number;
  /** Asks the others, and says who they are. Rejects if that cannot be known to have left. */
  readonly ask: () => Promise<void>;
  /**
   * Whether the request waits behind what this instance sent before: that does not make the others
   * out of reach.
   */
  readonly waitsHere: () => boolean;
  /** Asks one of them for what it has not answered yet, once more. Rejects likewise. */
  readonly askAgain: (instanceId: string) => Promise<void>;
}

const RETRY_MS = 200;

/**
 * Brings one request to the others: again when the link is back, and to those who have come back.
 * They answer it once, however often they hear it. An instance that cannot be reached for
 * `commandTimeoutMs` is named.
 */
export class Asking {
  readonly #options: AskingOptions;
  /** Those who were away, and say that they are back before it is known who is asked. */
  readonly #backEarly = new Set<string>();
  /** There while the request is not known to have left. */
  #reach: Deadline | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** The attempt that counts. */
  #attempt = 0;
  #isOver = false;

  constructor(options: AskingOptions) {
    this.#options = options;
    void options.pending.done.then(() => this.#end());
  }

  begin(): void {
    this.#awaitReach();
    this.#try();
  }

  linkLost(): void {
    if (this.#isOver || !this.#options.pending.asksOthers) return;
    this.#attempt++;
    clearTimeout(this.#retry);
    this.#awaitReach();
  }

  linkBack(): void {
    if (!this.#isOver && this.#reach) this.#try();
  }

  /** It may not have reached them, or their answers not this instance. */
  doubt(): void {
    if (this.#options.pending.asksOthers) this.#tryLater();
  }

  /** The instance was away, and may not have heard the request, or not been heard. */
  instanceBack(instanceId: string): void {
    const { others } = this.#options.pending;
    if (!others) this.#backEarly.add(instanceId);
    else if (others.includes(instanceId)) this.askAgain(instanceId);
  }

  /** Asks for what has not come of the instance's answer. */
  askAgain(instanceId: string): void {
    const { link, askAgain } = this.#options;
    if (this.#isOver || link.status !== 'ready') return;
    askAgain(instanceId).catch(() => this.#tryLater());
  }

  #try(): void {
    const attempt = ++this.#attempt;
    clearTimeout(this.#retry);
    this.#askAll().then(
      () => {
        if (attempt !== this.#attempt) return;
        this.#reach?.cancel();
        this.#reach = undefined;
      },
      () => {
        if (attempt === this.#attempt) this.#tryLater();
      },
    );
  }

  async #askAll(): Promise<void> {
    const { pending, ask, askAgain } = this.#options;
    const { others } = pending;
    if (others) {
      await Promise.all(others.map(askAgain));
      return;
    }
    await ask();
    const asked = new Set(pending.others);
    for (const id of this.#backEarly) if (asked.has(id)) this.askAgain(id);
    this.#backEarly.clear();
  }

  #tryLater(): void {
    const { link } = this.#options;
    if (this.#isOver) return;
    this.#awaitReach();
    // Without a link, it is tried when there is one.
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (link.status === 'ready') this.#try();
    }, RETRY_MS);
  }

  #awaitReach(): void {
    const { commandTimeoutMs, pending, link, waitsHere } = this.#options;
    this.#reach ??= new Deadline(commandTimeoutMs, () => {
      this.#reach = undefined;
      if (link.status === 'ready' && waitsHere()) this.#awaitReach();
      else pending.failRemote('BACKPLANE_UNAVAILABLE');
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#reach?.cancel();
    clearTimeout(this.#retry);
  }
}
