import type { LoggerService } from '@nestjs/common';

export interface LogEntry {
  level: 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal';
  context: string | undefined;
  message: string;
}

/**
 * A Nest logger that keeps what it is told, instead of printing it. Nest's loggers are shared by
 * all apps of a process: the app that was created last decides where the lines go.
 */
export class LogCapture implements LoggerService {
  readonly entries: LogEntry[] = [];

  /** As `LEVEL [Context] message`. */
  get lines(): string[] {
    return this.entries.map((e) => `${e.level.toUpperCase()} [${e.context ?? ''}] ${e.message}`);
  }

  /** The lines that contain the text. */
  matching(text: string | RegExp): string[] {
    return this.lines.filter((line) =>
      typeof text === 'string' ? line.includes(text) : text.test(line),
    );
  }

  log(message: unknown, ...params: unknown[]): void {
    this.add('log', message, params);
  }
  error(message: unknown, ...params: unknown[]): void {
    this.add('error', message, params);
  }
  warn(message: unknown, ...params: unknown[]): void {
    this.add('warn', message, params);
  }
  debug(message: unknown, ...params: unknown[]): void {
    this.add('debug', message, params);
  }
  verbose(message: unknown, ...params: unknown[]): void {
    this.add('verbose', message, params);
  }
  fatal(message: unknown, ...params: unknown[]): void {
    this.add('fatal', message, params);
  }

  /** Nest passes the context last; before it come further messages or a stack. */
  private add(level: LogEntry['level'], message: unknown, params: unknown[]): void {
    const last = params.at(-1);
    const context = typeof last === 'string' && !last.includes('\n') ? last : undefined;
    const rest = context === undefined ? params : params.slice(0, -1);
    const text = [message, ...rest].map(describe).join(' ');
    this.entries.push({ level, context, message: text });
  }
}

function describe(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
