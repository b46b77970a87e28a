import { createRequire } from 'node:module';
import type { DynamicModule, INestApplication, WebSocketAdapter } from '@nestjs/common';
import type { Server as HttpServer } from 'node:http';

/** What a scenario may want of an adapter that `main.ts` sets by hand. */
export interface AdapterChoices {
  messageParser?: MessageParser;
  /** A server that the test owns, in place of the app's. */
  httpServer?: HttpServer;
}

export type MessageParser = (data: Buffer | string) => { event: string; data: unknown } | void;

/** An adapter with what Nest's interface for all adapters does not know. */
export type TestableAdapter = WebSocketAdapter & {
  setMessageParser(parser: MessageParser): void;
  create(port: number, options?: Record<string, unknown>): unknown;
  dispose(): Promise<void>;
};

/** An adapter under test, and how an app comes to use it. */
export interface Target {
  readonly name: 'stock' | 'ours';
  /** What the app imports. */
  imports(eventKey: string): DynamicModule[];
  /** Whether those imports install the adapter, so that `main.ts` need not. */
  readonly installsItself: boolean;
  createAdapter(app: INestApplication, choices: AdapterChoices): TestableAdapter;
}

export const NEST_MAJOR = Number(
  process.env.NEST_MAJOR ??
    createRequire(import.meta.url)('@nestjs/core/package.json').version.split('.')[0],
);

/** What `handleDisconnect` is told of the close code: since Nest 12 that code. */
export function toldReason(code: number): number | undefined {
  return NEST_MAJOR >= 12 ? code : undefined;
}
