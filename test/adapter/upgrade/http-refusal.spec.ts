import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { refuseUpgrade } from '../../../lib/adapter/upgrade/http-refusal.js';

/** A peer's socket that takes what is written when it is told to. */
class Peer extends EventEmitter {
  destroyed = false;
  writable = true;
  text = '';

  end(text: string): void {
    this.text += text;
    this.writable = false;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

describe('An upgrade that is refused', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('ends when the peer has taken the answer', () => {
    const peer = new Peer();
    refuseUpgrade(peer as unknown as Duplex, 503);
    expect(peer.text).toMatch(/^HTTP\/1\.1 503 .*\r\n(.*\r\n)*Retry-After: 1\r\n/);
    expect(peer.destroyed).toBe(false);
    peer.emit('finish');
    expect(peer.destroyed).toBe(true);
  });

  it('ends though the peer never takes it', async () => {
    const peer = new Peer();
    refuseUpgrade(peer as unknown as Duplex, 404);
    await jest.advanceTimersByTimeAsync(1_900);
    expect(peer.destroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(peer.destroyed).toBe(true);
  });

  it('is answered once', () => {
    const peer = new Peer();
    refuseUpgrade(peer as unknown as Duplex, 503);
    refuseUpgrade(peer as unknown as Duplex, 404);
    expect(peer.text.match(/HTTP/g)).toHaveLength(1);
    peer.destroy();
  });
});
