import { describe } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';
import { findOnPath } from '../../../sample-app/workers/redis/find-on-path.js';
import { realProcess } from '../../support/real-process.js';

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const browserPath = process.env.CHROMIUM_PATH || findOnPath(programs, process.env.PATH);

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath!,
    args: (
      '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run ' +
      '--disable-background-networking --disable-component-update --disable-sync'
    ).split(' '),
  });
}

/**
 * A `describe` for what only a browser can show. It never downloads one: without one it is skipped,
 * loudly.
 */
export function describeWithBrowser(name: string, fn: () => void): void {
  if (browserPath) {
    describe(name, fn);
    return;
  }
  realProcess.stderr.write(
    `\n!!! SKIPPED: no Chromium on PATH or in CHROMIUM_PATH, so "${name}" did not run.\n\n`,
  );
  describe.skip(name, fn);
}
