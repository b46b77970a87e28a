/** What every error of this package extends: a message that says the mend, and a `code` that stays the same across versions. */
export abstract class BackplaneError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
