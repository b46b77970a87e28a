import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Handshake } from '../../../lib/adapter/upgrade/handshake.js';
import { StringPool } from '../../../lib/adapter/upgrade/string-pool.js';
import { growthOf } from '../../support/growth.js';

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
    expect(pool.shared).toEqual([
      '{"host":"chat.example","user-agent":"a browser"}',
      '/chat',
      '10.0.0.1',
    ]);
    expect(handshakeOf('/chat?token=secret', {}).pool.shared).toEqual(['{}', '10.0.0.1']);
  });
});

describe('the headers and the query of a handshake', () => {
  const LONG = {
    one: { 'x-token': 'aé\u00ff'.repeat(5_000) },
    many: Object.fromEntries(Array.from({ length: 750 }, (_, n) => [`x-${n}`, `value ${n}`])),
    list: { 'set-cookie': Array.from({ length: 500 }, (_, n) => `c${n}=${n}`), ['__proto__']: 'x' },
    'user agent': { 'user-agent': 'u'.repeat(15_000) },
  };

  it.each(Object.entries(LONG))('are as they were sent, however long (%s)', (_, long) => {
    const headers = { ...HEADERS, ...(long as Record<string, string>) };
    const url = `/chat?${'name=välue&'.repeat(1_500)}`;
    const { handshake } = handshakeOf(url, headers);
    expect({ ...handshake.headers }).toEqual(headers);
    expect(handshake.url).toBe(url);
    expect(handshake.query['name']).toHaveLength(1_500);
  });

  it('are made once', () => {
    const { handshake } = handshakeOf('/chat?a=1&a=2', { ...HEADERS });
    expect(handshake.query).toBe(handshake.query);
    expect(handshake.headers).toBe(handshake.headers);
  });

  it('have names that an object has by itself', () => {
    const { handshake } = handshakeOf('/?__proto__=1&constructor=2&toString=3&toString=4', {});
    expect(Object.entries(handshake.query)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', ['3', '4']],
    ]);
  });

  it('do not change for the app that changes them', () => {
    const { handshake } = handshakeOf('/chat', { ...HEADERS });
    expect(() => Object.assign(handshake.headers, { 'x-admin': '1' })).toThrow(TypeError);
  });

  it.each([
    ['one name', 'a&'],
    ['one name with values', 'a=1&'],
    ['escapes', '%61=%62&'],
    ['nothing', '&'],
  ])('cost no more for a parameter of many than of few: %s', (_, parameter) => {
    const ratio = growthOf((n) => handshakeOf(`/?${parameter.repeat(n)}`, {}).handshake.query, 250);
    expect(ratio).toBeLessThan(6);
  });

  it('cost no more for a header of many than of few', () => {
    const ratio = growthOf((n) => {
      const headers = Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, 'v']));
      return handshakeOf('/', headers).handshake.headers;
    }, 400);
    expect(ratio).toBeLessThan(6);
  });
});

describe('what is shared', () => {
  it('is the same text, however long it is and however many there are', () => {
    const pool = new StringPool();
    const texts = Array.from({ length: 3_000 }, (_, n) => `text ${n}`);
    for (const text of [...texts, ...texts, 'x'.repeat(5_000)]) expect(pool.share(text)).toBe(text);
  });
});
