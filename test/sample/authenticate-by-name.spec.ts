import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { authenticateByName } from '../../sample-app/chat/authenticate-by-name.js';

function request(url: string, cookie?: string): IncomingMessage {
  return { url, headers: { cookie } } as IncomingMessage;
}

describe('the name of who connects', () => {
  test.each([
    ['/chat?name=Ada', undefined, { id: 'ada', name: 'Ada' }],
    ['/chat?name=Ada%20%20Lovelace', undefined, { id: 'ada-lovelace', name: 'Ada Lovelace' }],
    ['/chat', 'a=b; name=Gr%C3%A4ce', { id: 'gräce', name: 'Gräce' }],
    ['/chat?name=Ada', 'name=Grace', { id: 'ada', name: 'Ada' }],
    ['/chat', undefined, null],
    ['/chat?name=%20', undefined, null],
    ['/chat', 'nickname=Ada', null],
    ['/chat', 'name=%E0%A4%A', null],
    [`/chat?name=${'x'.repeat(41)}`, undefined, null],
  ])('%s with the cookie %s', (url, cookie, user) => {
    expect(authenticateByName(request(url, cookie))).toEqual(user);
  });
});
