import type { BackplaneLogger } from '../../lib/cluster/common/logger.js';

/** Keeps its lines, as `level message`. */
export class FakeLogger implements BackplaneLogger {
  readonly lines: string[] = [];

  log(message: string): void {
    this.lines.push(`log ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
