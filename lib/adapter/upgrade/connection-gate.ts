/**
 * Opens when every `handleConnection` that a new client is due has settled. Those of request-scoped
 * gateways begin some turns later, so they are counted from the start.
 */
export class ConnectionGate {
  readonly opened: Promise<void>;
  /** The gateways whose hooks have begun, and not ended. */
  readonly #running: string[] = [];
  #outstanding: number;
  #toBegin: number;
  #open!: () => void;
  #fail!: (error: unknown) => void;

  /** @param toBegin how many hooks are yet to begin by themselves */
  constructor(toBegin: number) {
    this.#toBegin = toBegin;
    this.#outstanding = toBegin + 1;
    this.opened = new Promise<void>((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
  }

  /** True while nothing is left to wait for, once {@link seal} was called. */
  get isOpen(): boolean {
    return this.#outstanding === 0;
  }

  /** Hooks that have been counted and have not begun. */
  get awaitsBeginning(): boolean {
    return this.#toBegin > 0;
  }

  /** The runs that it waits for. */
  get awaited(): readonly string[] {
    return this.#running;
  }

  /** @param counted one of those that were to begin by themselves */
  track(gateway: string, hook: Promise<void>, counted: boolean): void {
    if (counted && this.#toBegin > 0) this.#toBegin--;
    else this.#outstanding++;
    this.#running.push(gateway);
    hook.then(
      () => {
        this.#running.splice(this.#running.indexOf(gateway), 1);
        this.#settleOne();
      },
      (error) => this.#fail(error),
    );
  }

  /** All hooks that begin at once have begun. */
  seal(): void {
    this.#settleOne();
  }

  fail(error: unknown): void {
    this.#fail(error);
  }

  #settleOne(): void {
    this.#outstanding--;
    if (this.#outstanding === 0) this.#open();
  }
}
