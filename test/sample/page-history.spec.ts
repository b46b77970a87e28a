import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import type { Past, Said } from '../../sample-app/chat/chat.events.js';
import { closeAfterEach } from '../support/cleanup.js';
import { describeWithRedis, findRedisServer, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';
import { describeWithBrowser, launchBrowser } from './support/browser.js';
import { ChatTab, twoTabsApart } from './support/chat-tab.js';
import { poorContrast } from './support/contrast.js';
import { DEMO_START_TIMEOUT_MS, DemoProcess } from './support/demo-process.js';

const BROWSER_TIMEOUT_MS = 120_000;
/** Until a silent Redis is noticed, or one that is back; and until what waited has gone round. */
const OUTAGE_TIMEOUT_MS = 30_000;

// Whichever is missing says so.
const describeWithBoth = findRedisServer() ? describeWithBrowser : describeWithRedis;

describeWithBoth('the history of the demo, in a browser', () => {
  const track = closeAfterEach();
  let redis: RedisServer;
  let demo: DemoProcess;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    redis = await RedisServer.start();
    demo = new DemoProcess(['--workers', '2', '--port', '0'], { REDIS_URL: redis.url });
    [url, browser] = await Promise.all([demo.url(), launchBrowser()]);
  }, DEMO_START_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await demo?.dispose();
    await redis?.stop();
  }, 30_000);

  /** Two tabs on two workers, in a room of their own. */
  async function twoTabsIn(room: string): Promise<[ChatTab, ChatTab]> {
    const tabs = await twoTabsApart(browser, url, track);
    for (const tab of tabs) await tab.join(room);
    return tabs;
  }

  async function untilSaid(tab: ChatTab, texts: readonly string[]): Promise<void> {
    const sorted = (list: readonly string[]): string => list.toSorted().join();
    const isAll = async (): Promise<boolean> => sorted(await tab.said()) === sorted(texts);
    await waitFor(`${texts.join()} once each`, isAll, OUTAGE_TIMEOUT_MS);
  }

  /** All of it once, and in one order. */
  async function expectSameInAll(tabs: readonly ChatTab[], texts: readonly string[]) {
    for (const tab of tabs) await untilSaid(tab, texts);
    const [first, ...others] = await Promise.all(tabs.map((tab) => tab.said()));
    for (const other of others) expect(other).toEqual(first);
    for (const tab of tabs) {
      await tab.unsaid.waitFor({ state: 'detached' });
      expect(tab.complaints).toEqual([]);
    }
  }

  const degraded = (tab: ChatTab): Promise<void> =>
    tab.page.locator('#state[data-state="degraded"]').waitFor({ timeout: OUTAGE_TIMEOUT_MS });

  test(
    'who comes late sees the last messages, and so does who reloads',
    async () => {
      const [ada, ben] = await twoTabsIn('late');
      const texts = Array.from({ length: 6 }, (_, n) => `line ${n}`);
      for (const [n, text] of texts.entries()) {
        await (n % 2 === 0 ? ada : ben).say(text);
        await ada.message(text);
      }
      const late = track(await ChatTab.open(browser, url));
      await late.join('late');
      await late.message('line 5');
      expect(await late.said()).toEqual(texts);
      await ada.say('line 6');
      await late.message('line 6');
      await late.page.reload();
      await late.connected();
      await late.join('late');
      await late.message('line 6');
      await expectSameInAll([ada, ben, late], [...texts, 'line 6']);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'what was whispered is there again after a reload',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      await ada.rename('Ada Whisper');
      await ben.rename('Ben Whisper');
      await ada.say('Who is there?');
      await ben.message('Who is there?');
      await ben.page.getByRole('button', { name: 'Ada Whisper' }).first().click();
      await ben.say('Between us');
      await ada.page.getByRole('button', { name: '@ Ben Whisper 1 new' }).click();
      await ada.message('Between us');
      await ada.page.reload();
      await ada.connected();
      await ada.page.getByRole('button', { name: '@ Ben Whisper' }).click();
      await ada.message('Between us');
      expect(await ada.said()).toEqual(['Between us']);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'Redis stops for a while and people go on typing: the page says it; then all have all of it, once, in one order',
    async () => {
      const [ada, ben] = await twoTabsIn('stopped');
      await ada.say('before');
      await ben.message('before');
      redis.pause();
      try {
        for (const n of [1, 2, 3]) {
          await ada.say(`ada ${n}`);
          await ben.say(`ben ${n}`);
        }
        for (const tab of [ada, ben]) {
          await tab.unsaid.nth(2).waitFor();
          expect(await tab.unsaid.first().textContent()).toMatch(/waiting for Redis/);
          await tab.page.getByText('3 messages wait for Redis.').waitFor();
          await degraded(tab);
          await tab.page.getByRole('alert').getByText('cannot reach Redis').waitFor();
          await tab.say('after the notice');
        }
        expect(await ada.said()).toEqual(['before']);
      } finally {
        redis.resume();
      }
      const typed = [1, 2, 3].flatMap((n) => [`ada ${n}`, `ben ${n}`]);
      const notices = ['after the notice', 'after the notice'];
      await expectSameInAll([ada, ben], ['before', ...typed, ...notices]);
      const of = (name: string, texts: string[]): string[] =>
        texts.filter((text) => text.startsWith(name));
      const texts = await ada.said();
      for (const name of ['ada', 'ben'])
        expect(of(name, texts)).toEqual([1, 2, 3].map((n) => `${name} ${n}`));
      for (const tab of [ada, ben]) await tab.connected();
      expect(await ada.page.getByRole('alert').count()).toBe(0);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'the worker ends while messages wait in it: the tab says them again to another, and they are said once',
    async () => {
      const [ada, ben] = await twoTabsIn('moved');
      await ada.say('before');
      await ben.message('before');
      redis.pause();
      try {
        await ada.say('on its way');
        await degraded(ada);
        await ada.say('waits');
        await ada.unsaid.nth(1).waitFor();
        await ada.page.getByRole('button', { name: 'Stop this worker' }).click();
        await ada.log.getByText(/Back, now served by/).waitFor({ timeout: OUTAGE_TIMEOUT_MS });
        await ada.say('after the move');
      } finally {
        redis.resume();
      }
      await expectSameInAll([ada, ben], ['before', 'on its way', 'waits', 'after the move']);
    },
    BROWSER_TIMEOUT_MS,
  );

  test('what a user says twice under one id, to any worker, is said once', async () => {
    const chat = `${url.replace('http', 'ws')}/chat?name=`;
    const connect = async (name: string) => track(await WsClient.connect(chat + name));
    const clients = [await connect('Ada'), await connect('Ada'), await connect('Ben')];
    const again = { id: 'a-message-of-a-page', room: 'twice', text: 'Once' };
    const duplicates: unknown[] = [];
    for (const client of clients) {
      await client.request('join', { room: 'twice' });
      duplicates.push(await client.request('say', again));
    }
    // Ben's message is another one, though he took Ada's id.
    expect(duplicates).toEqual([{ duplicate: false }, { duplicate: true }, { duplicate: false }]);
    const { past } = await clients[0]!.request<{ past: Past<Said> }>('join', { room: 'twice' });
    expect(past.messages.map(({ text, user }) => [user.name, text])).toEqual([
      ['Ada', 'Once'],
      ['Ben', 'Once'],
    ]);
  });

  test(
    'Redis comes back empty: each page says where messages may be missing, keeps what it has, and goes on',
    async () => {
      const [ada, ben] = await twoTabsIn('empty');
      await ada.say('before');
      await ben.message('before');
      await redis.kill();
      await degraded(ada);
      await ada.page.getByRole('alert').getByText('cannot reach Redis').waitFor();
      await ada.say('meanwhile');
      await redis.restart();
      await expectSameInAll([ada, ben], ['before', 'meanwhile']);
      for (const tab of [ada, ben]) {
        await tab.log.getByText('Messages may be missing here: Redis lost what it kept.').waitFor();
        expect(await tab.log.locator('.warning').count()).toBe(1);
      }
      const entries = await ada.log.locator('article, .warning').all();
      const kinds = await Promise.all(entries.map((entry) => entry.getAttribute('class')));
      expect(kinds).toEqual(['entry own', 'notice warning', 'entry own']);
    },
    BROWSER_TIMEOUT_MS,
  );

  test.each(['light', 'dark'] as const)(
    'in %s: what waits and what failed has contrast, fits a narrow screen, and can be handled by keys',
    async (colorScheme) => {
      const viewport = { width: 360, height: 740 };
      const tab = track(await ChatTab.open(browser, url, { colorScheme, viewport }));
      await tab.join(`contrast ${colorScheme}`);
      await tab.page.evaluate(`document.getElementById('message').removeAttribute('maxlength')`);
      await tab.say(`Too long ${'x'.repeat(2_000)}`);
      await tab.unsaid.getByText('Not sent:').waitFor();
      await tab.page.getByText('1 could not be sent.').waitFor();
      redis.pause();
      try {
        await tab.say('waits');
        await tab.unsaid.getByText('waiting for Redis').waitFor();
        expect(await tab.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
        expect(await poorContrast(tab)).toEqual([]);
      } finally {
        redis.resume();
      }
      await untilSaid(tab, ['waits']);
      await tab.page.getByRole('button', { name: 'Send again' }).press('Tab');
      expect(await tab.page.evaluate('document.activeElement.textContent')).toBe('Discard');
      await tab.page.keyboard.press('Enter');
      await tab.unsaid.waitFor({ state: 'detached' });
      expect(await tab.page.evaluate('document.activeElement.id')).toBe('message');
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'on a phone and on a desk: the outage is in view wherever one is, and so is the newest message',
    async () => {
      const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
      const desk = { viewport: { width: 1180, height: 700 } };
      const tabs: ChatTab[] = [];
      for (const options of [phone, desk])
        tabs.push(track(await ChatTab.open(browser, url, options)));
      for (const tab of tabs) await tab.join('views');
      for (let n = 1; n <= 8; n++) await tabs[0]!.say(`line ${n}, which has some more words in it`);
      for (const tab of tabs) {
        await tab.message('line 8');
        await tab.page.locator('#message').scrollIntoViewIfNeeded();
        expect(await tab.newestIsInView()).toBe(true);
      }
      redis.pause();
      try {
        for (const tab of tabs) {
          await tab.say('waits');
          await degraded(tab);
          await tab.unsaid.getByText('waiting for Redis').waitFor();
          const banner = (await tab.page.getByRole('alert').boundingBox())!;
          expect(banner.y).toBeGreaterThanOrEqual(0);
          expect(banner.y + banner.height).toBeLessThan(250);
          expect(await tab.page.evaluate('document.documentElement.scrollWidth')).toBe(
            tab.page.viewportSize()!.width,
          );
          await waitFor('the newest in view', () => tab.newestIsInView());
          await tab.page.getByRole('img', { name: 'Redis: away' }).waitFor();
        }
      } finally {
        redis.resume();
      }
      for (const tab of tabs) {
        await tab.log.getByText('waits').nth(1).waitFor();
        expect(tab.complaints).toEqual([]);
      }
    },
    BROWSER_TIMEOUT_MS,
  );
});
