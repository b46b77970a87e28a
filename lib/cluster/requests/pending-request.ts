import { oneLine } from '../../errors/quote.js';
import { ResponseReassembler } from './response-reassembler.js';
import { MAX_ANSWER_BYTES } from './answer-bounds.js';
import type { AnswerFlow } from './answer-window.js';
import { isCount, isStrings, type ControlPayload } from '../wire/control-payload.js';
import type { MissingInstance, MissingReason } from './results.js';

/** The fate of an instance that answered nothing usable. */
interface Failure {
  readonly failed: MissingReason;
  readonly message?: string;
}

const FAILURES: ReadonlySet<unknown> = new Set<MissingReason>([
  'NO_HANDLER',
  'HANDLER_FAILED',
  'ANSWER_TOO_LARGE',
]);

export interface PendingRequestOptions {
  readonly onMessage: (instanceId: string, message: unknown) => void;
  /**
   * The others who may be asked, as far as is known before {@link PendingRequest.expectOthers} says
   * it.
   */
  readonly known?: () => readonly string[];
  /** For the answer of an instance. */
  readonly openFlow: (instanceId: string) => AnswerFlow;
  /** The instance may forget the answer. */
  readonly onOver?: (instanceId: string) => void;
  /** A part of the instance's answer has not come, and a later one has. */
  readonly onHole?: (instanceId: string) => void;
}

/** Others that may have heard a request. */
export interface Hearers {
  /** How many have that are in no list. Default 0. */
  readonly unlisted?: number;
  /** Those of the expected who were not known to hear it, and may be among the unlisted. */
  readonly deaf?: readonly string[];
}

/** An instance's answer, as far as it has come. */
interface Answer {
  readonly assembly: ResponseReassembler;
  readonly flow: AnswerFlow;
  /** The part that was asked for again. */
  hole: number;
}

/**
 * A request that was put to instances: who is to answer, who has, and who will not. Answers may
 * come before it is known who is to answer; they wait. So do those that go before that. An instance
 * that has heard the request and is in no list answers, too: it is waited for from then on.
 */
export class PendingRequest {
  /** Resolves with who did not answer, when nobody is waited for any more. */
  readonly done: Promise<readonly MissingInstance[]>;
  readonly #options: PendingRequestOptions;
  readonly #answers = new Map<string, Answer>();
  readonly #waiting = new Set<string>();
  /** Those that have answered, or will not. */
  readonly #settled = new Set<string>();
  /**
   * Those that have heard the request and are in no list: the ones that have begun to answer, and
   * how many have not.
   */
  readonly #unasked = new Set<string>();
  #unlisted = 0;
  #deaf: ReadonlySet<string> = new Set();
  readonly #missing: MissingInstance[] = [];
  /** Of instances that are not expected yet; undefined once it is known who all are expected. */
  #early: { readonly instanceId: string; readonly control: ControlPayload }[] | undefined = [];
  /** Those that went while {@link #early} is there: nobody says it again. */
  readonly #goneEarly = new Map<string, MissingReason>();
  #own: string | undefined;
  #bytes = 0;
  #isDone = false;
  #finish!: () => void;

  constructor(options: PendingRequestOptions) {
    this.#options = options;
    this.done = new Promise((resolve) => (this.#finish = () => resolve(this.#missing)));
  }

  /** True while others than this instance are waited for, or may be. */
  get asksOthers(): boolean {
    if (this.#early || this.#unlisted > 0) return true;
    return [...this.#waiting].some((id) => id !== this.#own);
  }

  /** The others that are waited for; undefined while that is not known. */
  get others(): string[] | undefined {
    return this.#early ? undefined : [...this.#waiting].filter((id) => id !== this.#own);
  }

  /**
   * How many are waited for who have heard the request, are in no list, and have not begun to
   * answer.
   */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** How much has come of the instance's answer. */
  progressOf(instanceId: string): { readonly taken: number; readonly allowedBytes: number } {
    return this.#answerOf(instanceId).flow;
  }

  /** This instance answers, too, by {@link message}. */
  expectOwn(instanceId: string): void {
    this.#own = instanceId;
    this.#waiting.add(instanceId);
  }

  /** These others, and who else has heard the request. */
  expectOthers(instanceIds: Iterable<string>, { unlisted = 0, deaf = [] }: Hearers = {}): void {
    const early = this.#early;
    if (!early) return;
    this.#early = undefined;
    this.#unlisted = unlisted;
    this.#deaf = new Set(deaf);
    for (const id of instanceIds) this.#waiting.add(id);
    for (const { instanceId, control } of early) this.take(instanceId, control);
    for (const [id, reason] of this.#goneEarly) this.fail(id, reason);
    this.#finishIfDone();
  }

  /** A part of an answer. Never throws. */
  take(instanceId: string, control: ControlPayload): void {
    if (this.#early && !this.#waiting.has(instanceId)) {
      this.#early.push({ instanceId, control });
      return;
    }
    if (!this.#isTaken(instanceId, control)) return;
    const answer = this.#answerOf(instanceId);
    const { assembly, flow } = answer;
    const { next } = assembly;
    try {
      const complete = assembly.add(control);
      if (assembly.hasHole) this.#askForHole(instanceId, answer);
      if (assembly.next === next) return;
      const { more } = control.fields;
      flow.arrived(control.body.length, isCount(more) ? more : 0);
      if (this.#isTooMuch(instanceId, control.body.length)) return;
      if (complete) this.message(instanceId, complete.message, complete.last);
    } catch {
      this.fail(instanceId, 'ANSWER_LOST');
    }
  }

  /**
   * A message of an answer.
   * @param bytes of what clients answered in it, where they were not counted yet
   */
  message(instanceId: string, message: unknown, last: boolean, bytes = 0): void {
    if (!this.#waiting.has(instanceId)) return;
    const failure = failureIn(message);
    if (failure) {
      // One that was not to answer is not to have a handler, either.
      if (failure.failed === 'NO_HANDLER' && this.#unasked.has(instanceId))
        return this.#answered(instanceId);
      return this.fail(instanceId, failure.failed, failure.message);
    }
    if (this.#isTooMuch(instanceId, bytes)) return;
    this.#options.onMessage(instanceId, message);
    if (last) this.#answered(instanceId);
  }

  /**
   * Gives up those that have heard the request, are in no list and have not begun to answer.
   * Returns how many they are.
   */
  giveUpUnlisted(): number {
    const unlisted = this.#isDone ? 0 : this.#unlisted;
    if (unlisted === 0) return 0;
    this.#unlisted = 0;
    this.#missing.push({ instanceId: '*', reason: 'UNKNOWN_INSTANCE' });
    this.#finishIfDone();
    return unlisted;
  }

  /** The instance will not answer (any more). */
  fail(instanceId: string, reason: MissingReason, message?: string): void {
    if (!this.#waiting.has(instanceId)) {
      if (this.#early) this.#goneEarly.set(instanceId, reason);
      return;
    }
    this.#settle(instanceId);
    this.#missing.push({ instanceId, reason, ...(message === undefined ? {} : { message }) });
    this.#finishIfDone();
  }

  /** Somebody else is missing, who was not to answer. */
  lacks(instanceId: string, reason: MissingReason): void {
    this.#missing.push({ instanceId, reason });
  }

  /** None of the others is waited for any more. */
  failRemote(reason: MissingReason): void {
    if (this.#early) {
      this.#early = undefined;
      const known = this.#options.known?.() ?? [];
      for (const instanceId of known.length > 0 ? known : ['*'])
        this.#missing.push({ instanceId, reason });
    }
    this.giveUpUnlisted();
    for (const id of this.#waiting) if (id !== this.#own) this.fail(id, reason);
    this.#finishIfDone();
  }

  /** Waits for nobody any more. */
  end(reason: MissingReason, ofOthers = reason): void {
    this.failRemote(ofOthers);
    for (const id of this.#waiting) this.fail(id, reason);
  }

  #answerOf(instanceId: string): Answer {
    const known = this.#answers.get(instanceId);
    if (known) return known;
    const flow = this.#options.openFlow(instanceId);
    const answer = { assembly: new ResponseReassembler(), flow, hole: -1 };
    this.#answers.set(instanceId, answer);
    return answer;
  }

  /**
   * Whether it is one who is waited for, or another who has heard the request: it is waited for
   * from now on.
   */
  #isTaken(instanceId: string, { fields: { former } }: ControlPayload): boolean {
    if (this.#isDone || this.#settled.has(instanceId)) return false;
    if (this.#waiting.has(instanceId)) return true;
    // One that was asked may have another id by now.
    const names = isStrings(former) ? former : [];
    if (names.some((id) => this.#settled.has(id) && !this.#isLost(id))) return false;
    let isListed = false;
    for (const id of names) {
      if (this.#isLost(id, true)) isListed = true;
      if (!this.#waiting.has(id)) continue;
      isListed = true;
      this.#settle(id);
    }
    if (!isListed) {
      this.#unasked.add(instanceId);
      if (this.#unlisted > 0) this.#unlisted--;
    }
    this.#waiting.add(instanceId);
    return true;
  }

  /**
   * Whether the id is missing as one whose lease has lapsed. @param forget: it lives, under another
   */
  #isLost(id: string, forget = false): boolean {
    const at = this.#missing.findIndex(
      ({ instanceId, reason }) => instanceId === id && reason === 'INSTANCE_LOST',
    );
    if (at >= 0 && forget) this.#missing.splice(at, 1);
    return at >= 0;
  }

  #askForHole(instanceId: string, answer: Answer): void {
    if (answer.hole === answer.assembly.next) return;
    answer.hole = answer.assembly.next;
    this.#options.onHole?.(instanceId);
  }

  #isTooMuch(instanceId: string, bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= MAX_ANSWER_BYTES) return false;
    this.#bytes -= bytes;
    this.fail(
      instanceId,
      'ANSWER_TOO_LARGE',
      `All answers together would be more than ${MAX_ANSWER_BYTES} bytes.`,
    );
    return true;
  }

  #answered(instanceId: string): void {
    this.#settle(instanceId);
    this.#finishIfDone();
  }

  #settle(instanceId: string): void {
    // The unlisted one may have been this one: it began to listen just now, or has just stopped.
    if (this.#deaf.has(instanceId) && this.#unlisted > 0) this.#unlisted--;
    this.#waiting.delete(instanceId);
    this.#settled.add(instanceId);
    const answer = this.#answers.get(instanceId);
    if (!answer) return;
    this.#answers.delete(instanceId);
    if (answer.flow.close()) this.#options.onOver?.(instanceId);
  }

  #finishIfDone(): void {
    if (this.#early || this.#waiting.size > 0 || this.#unlisted > 0 || this.#isDone) return;
    this.#isDone = true;
    for (const id of this.#answers.keys()) this.#settle(id);
    this.#finish();
  }
}

function failureIn(message: unknown): Failure | undefined {
  if (typeof message !== 'object' || message === null || !('failed' in message)) return undefined;
  const { failed, message: words } = message as Partial<Record<keyof Failure, unknown>>;
  return {
    failed: FAILURES.has(failed) ? (failed as MissingReason) : 'ANSWER_LOST',
    ...(typeof words === 'string' ? { message: oneLine(words) } : {}),
  };
}
