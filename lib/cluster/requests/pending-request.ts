import { AnswerAssembly } from './answer-assembly.js';
import type { Parcel } from '../wire/parcel.js';
import type { MissingInstance, MissingReason } from './results.js';

/** What became of an instance that answered nothing usable. */
interface Failure {
  readonly failed: MissingReason;
  readonly message?: string;
}

/**
 * A question that was put to instances: who is to answer, who has, and who will not. Answers may come before it is known who
 * is to answer; they wait, and those of others are ignored: an instance that joins meanwhile is none of those asked. So it is
 * with who goes before that.
 */
export class PendingRequest {
  /** Resolves with who did not answer, when nobody is waited for any more. */
  readonly done: Promise<readonly MissingInstance[]>;
  readonly #onMessage: (instanceId: string, message: unknown) => void;
  readonly #known: () => readonly string[];
  readonly #assemblies = new Map<string, AnswerAssembly>();
  readonly #waiting = new Set<string>();
  readonly #missing: MissingInstance[] = [];
  /** Of instances that are not expected yet; undefined once it is known who all are expected. */
  #early: { readonly instanceId: string; readonly parcel: Parcel }[] | undefined = [];
  /** Who went while {@link #early} is there: nobody says it again. */
  readonly #goneEarly = new Map<string, MissingReason>();
  #own: string | undefined;
  #finish!: () => void;

  /** @param known the others who may be asked, as far as is known before {@link expectOthers} says it */
  constructor(
    onMessage: (instanceId: string, message: unknown) => void,
    known: () => readonly string[] = () => [],
  ) {
    this.#onMessage = onMessage;
    this.#known = known;
    this.done = new Promise((resolve) => (this.#finish = () => resolve(this.#missing)));
  }

  /** True while others than this instance are waited for, or may be. */
  get asksOthers(): boolean {
    return this.#early !== undefined || [...this.#waiting].some((id) => id !== this.#own);
  }

  /** This instance answers, too, by {@link message}. */
  expectOwn(instanceId: string): void {
    this.#own = instanceId;
    this.#waiting.add(instanceId);
  }

  /** These others, and nobody else. */
  expectOthers(instanceIds: Iterable<string>): void {
    const early = this.#early;
    if (!early) return;
    this.#early = undefined;
    for (const id of instanceIds) this.#waiting.add(id);
    for (const { instanceId, parcel } of early) this.take(instanceId, parcel);
    for (const [id, reason] of this.#goneEarly) this.takeOut(id, reason);
    this.#finishIfDone();
  }

  /** A part of an answer. Never throws. */
  take(instanceId: string, parcel: Parcel): void {
    if (!this.#waiting.has(instanceId)) {
      this.#early?.push({ instanceId, parcel });
      return;
    }
    const assembly = this.#assemblies.get(instanceId) ?? new AnswerAssembly();
    this.#assemblies.set(instanceId, assembly);
    try {
      const complete = assembly.add(parcel);
      if (complete) this.message(instanceId, complete.message, complete.last);
    } catch {
      this.takeOut(instanceId, 'ANSWER_LOST');
    }
  }

  /** A message of an answer. */
  message(instanceId: string, message: unknown, last: boolean): void {
    if (!this.#waiting.has(instanceId)) return;
    if (isFailure(message)) return this.takeOut(instanceId, message.failed, message.message);
    this.#onMessage(instanceId, message);
    if (!last) return;
    this.#waiting.delete(instanceId);
    this.#assemblies.delete(instanceId);
    this.#finishIfDone();
  }

  /** The instance will not answer (any more). */
  takeOut(instanceId: string, reason: MissingReason, message?: string): void {
    if (!this.#waiting.delete(instanceId)) {
      if (this.#early) this.#goneEarly.set(instanceId, reason);
      return;
    }
    this.#assemblies.delete(instanceId);
    this.#missing.push({ instanceId, reason, ...(message === undefined ? {} : { message }) });
    this.#finishIfDone();
  }

  /** None of the others is waited for any more. */
  takeOutOthers(reason: MissingReason): void {
    if (this.#early) {
      this.#early = undefined;
      const known = this.#known();
      for (const instanceId of known.length > 0 ? known : ['*'])
        this.#missing.push({ instanceId, reason });
    }
    for (const id of this.#waiting) if (id !== this.#own) this.takeOut(id, reason);
    this.#finishIfDone();
  }

  /** Waits for nobody any more. */
  end(reason: MissingReason): void {
    this.takeOutOthers(reason);
    for (const id of this.#waiting) this.takeOut(id, reason);
  }

  #finishIfDone(): void {
    if (this.#early || this.#waiting.size > 0) return;
    this.#assemblies.clear();
    this.#finish();
  }
}

function isFailure(message: unknown): message is Failure {
  return typeof (message as Partial<Failure> | null)?.failed === 'string';
}
