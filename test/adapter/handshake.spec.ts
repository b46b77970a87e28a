import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Handshake } from '../../lib/adapter/handshake.js';
import { StringPool } from '../../lib/adapter/string-pool.js';

/** Counts what is kept for others. */
class SpiedPool extends StringPool {
  readonly shared: string[] = [];

  override share(text: string): string {
    this.shared.push(text);
    return super.share(text);
  }
}

function handshakeOf(url: string, headers: Record<string, string>, pool = new SpiedPool()) {
  const request = { url, headers, socket: { remoteAddress: '10.0.0.1' } };
  return { handshake: new Handshake(request as unknown as IncomingMessage, pool), pool };
}

const HEADERS = {
  host: 'chat.example',
  'user-agent': 'a browser',
  cookie: 'session=secret',
  authorization: 'Bearer secret',
  'sec-websocket-key': 'secret',
  'sec-websocket-protocol': 'token.secret',
};

describe('a handshake', () => {
  it('has all that was requested', () => {
    const { handshake } = handshakeOf('/chat?a=1&b=2&b=3', { ...HEADERS });
    const { headers, url, address, query } = handshake;
    expect({ headers, url, address }).toEqual({
      headers: HEADERS,
      url: '/chat?a=1&b=2&b=3',
      address: '10.0.0.1',
    });
    expect({ ...query }).toEqual({ a: '1', b: ['2', '3'] });
  });

  it('shares what many clients have in common, and no secret', () => {
    const { pool } = handshakeOf('/chat', { ...HEADERS });
    expect(pool.shared).toEqual(['chat.example', 'a browser', '/chat', '10.0.0.1']);
    expect(handshakeOf('/chat?token=secret', {}).pool.shared).toEqual(['10.0.0.1']);
  });
});

describe('what is shared', () => {
  it('is the same text, however long it is and however many there are', () => {
    const pool = new StringPool();
    const texts = Array.from({ length: 3_000 }, (_, n) => `text ${n}`);
    for (const text of [...texts, ...texts, 'x'.repeat(5_000)]) expect(pool.share(text)).toBe(text);
  });
});
