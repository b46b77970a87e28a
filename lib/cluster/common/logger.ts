/** Where the backplane writes its few lines. Nest's `Logger` fits. */
export interface BackplaneLogger {
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
  debug?(message: string): void;
}
