import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Locator } from 'playwright-core';
import { closeAfterEach } from '../support/cleanup.js';
import { waitFor } from '../support/wait-for.js';
import { describeWithBrowser, launchBrowser } from './support/browser.js';
import { ChatTab, tabElsewhere, twoTabsApart } from './support/chat-tab.js';
import { poorContrast } from './support/contrast.js';
import { DEMO_START_TIMEOUT_MS, DemoProcess } from './support/demo-process.js';

const BROWSER_TIMEOUT_MS = 60_000;

describeWithBrowser('the page of the demo, in a browser', () => {
  const track = closeAfterEach();
  let demo: DemoProcess;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    demo = new DemoProcess(['--workers', '3', '--port', '0']);
    [url, browser] = await Promise.all([demo.url(), launchBrowser()]);
  }, DEMO_START_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await demo?.dispose();
  }, 30_000);

  test(
    'two tabs on different instances talk',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      await ada.rename('Ada');
      await ben.rename('Ben');
      while ((await ada.connected()) === (await ben.connected())) await ben.rename('Ben');

      await ada.say('Hello, other instance');
      const atBen = await ben.message('Hello, other instance');
      expect(await atBen.textContent()).toContain(await ada.connected());
      expect(await atBen.textContent()).toContain('through Redis');
      expect(await atBen.locator('.latency').textContent()).toMatch(/^(<1|\d+) ms$|^\d+\.\d s$/);
      const atAda = await ada.message('Hello, other instance');
      expect(await atAda.textContent()).toContain('same instance');

      await ben.page.getByLabel('Message', { exact: true }).pressSequentially('hm');
      await ada.page.getByText('Ben', { exact: false }).and(ada.page.locator('#typing')).waitFor();

      await ben.log.getByRole('button', { name: 'Ada' }).first().click();
      await ben.say('Only for you');
      await ada.page.getByRole('button', { name: '@ Ben 1 new' }).click();
      await ada.message('Only for you');

      // Whoever wrote is no stop of the Tab key, and is in the list of who is here.
      await ada.page.getByLabel('Join or open a room').focus();
      while ((await ada.page.evaluate('document.activeElement.id')) !== 'message') {
        await ada.page.keyboard.press('Tab');
        expect(await ada.page.evaluate('document.activeElement.className')).not.toBe('author');
      }
      await ada.page.locator('#people').getByRole('button', { name: 'Ben' }).press('Enter');
      await ada.page.getByRole('heading', { name: '@ Ben' }).waitFor();
      expect([...ada.complaints, ...ben.complaints]).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'a tab sees who is here on all instances, and everyone answers a poll, counted live',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      await ada.rename('Ada Poller');
      await ben.rename('Ben Voter');
      await ada.page.locator('#people', { hasText: 'Ben Voter' }).waitFor();
      // Whoever else is still here would be asked too, and not answer.
      await ada.page.locator('#people-count').getByText('2 tabs', { exact: true }).waitFor();
      await ada.page.getByLabel('A question for yes or no').fill('Tea?');
      await ada.page.getByRole('button', { name: 'Ask', exact: true }).click();
      const question = ben.page.getByText('Ada Poller asks: Tea?');
      await question.waitFor();
      // Above the fold, where the eye is.
      expect((await question.boundingBox())!.y).toBeLessThan(300);
      await ben.page.getByRole('button', { name: 'Yes', exact: true }).click();
      await ada.page.getByText('1 yes, 0 no so far').waitFor();
      await ada.page.getByRole('button', { name: 'No', exact: true }).click();
      await ben.page.getByText('1 yes, 1 no, 0 did not answer. The poll has ended.').waitFor();
      expect([...ada.complaints, ...ben.complaints]).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'a room is read by who joined it, and by nobody else',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      const [, outsider] = await twoTabsApart(browser, url, track);
      await ada.join('kitchen');
      await ben.join('kitchen');
      await ada.say('Soup is ready');
      await ben.message('Soup is ready');

      await ben.page.getByRole('button', { name: 'Leave room' }).click();
      await ben.page.getByRole('heading', { name: '# lobby' }).waitFor();
      await ada.log.getByText(/left, on/).waitFor();
      await ada.say('Soup is gone');
      await ada.message('Soup is gone');

      await ada.page.getByRole('button', { name: '# lobby' }).click();
      await ada.say('Back in the lobby');
      for (const tab of [ben, outsider]) {
        await tab.message('Back in the lobby');
        expect(await tab.page.getByText('Soup is gone').count()).toBe(0);
      }
      expect(await outsider.page.getByText('Soup is ready').count()).toBe(0);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'markup in names and messages is text',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      const name = '<img src=x onerror=alert(1)>';
      await ada.rename(name);
      await ada.say('<script>alert(2)</script><b>bold</b>');
      const message = await ben.message('<script>alert(2)</script><b>bold</b>');
      expect(await message.textContent()).toContain(name);
      expect(await ben.log.locator('img, script, b').count()).toBe(0);
      expect([...ada.complaints, ...ben.complaints]).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'the worker that serves a tab is stopped: the tab moves, the others go on, the worker returns',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      const [before, other] = [await ada.connected(), await ben.connected()];
      const stop = ada.page.getByRole('button', { name: 'Stop this worker' });
      await stop.focus();
      await ada.page.keyboard.press('Enter');
      await ada.page.locator('#state:not([data-state="connected"])').waitFor();
      await ada.log.getByText(/Back, now served by/).waitFor();
      await ada.connected();
      await ben.log.getByText('Stopped:').waitFor();
      expect(await ben.connected()).toBe(other);

      await ben.say('Still here');
      await ada.message('Still here');
      await ada.say('So am I');
      await ben.message('So am I');

      const instances = ben.page.getByRole('complementary').getByRole('listitem');
      await instances
        .filter({ hasText: before })
        .filter({ hasText: /\d tabs?/ })
        .waitFor();
      expect(demo.output).toContain(`${before} is back`);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'an announcement, posted to whichever worker, reaches everyone',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      await ada.page.getByLabel('To everyone, by an HTTP request').fill('Lunch at noon');
      await ada.page.getByRole('button', { name: 'Post' }).click();
      await ada.page.getByText(/took the request/).waitFor();
      for (const tab of [ada, ben]) await tab.message('Lunch at noon');
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'a thousand at once reach the tabs of all instances, in order, and the picture shows what comes, with and without motion',
    async () => {
      const [ada, ben] = await twoTabsApart(browser, url, track);
      const here = await ada.connected();
      const picture = ada.page.getByRole('img', { name: `${here} (this tab)` });
      await picture.waitFor();
      await ada.page.getByRole('img', { name: await ben.connected() }).waitFor();
      expect(await picture.getAttribute('aria-label')).toMatch(/^Redis\. Workers: /);
      const seen = () => ada.page.evaluate<{ dots: number; lit: number }>('seen');

      await ada.page.emulateMedia({ reducedMotion: 'reduce' });
      await ada.page.evaluate(SEE_PICTURE);
      await ben.say('Look, no motion');
      await waitFor('a lit way', async () => (await seen()).lit);
      expect((await seen()).dots).toBe(0);
      await ada.page.emulateMedia({ reducedMotion: 'no-preference' });
      await ben.page.getByRole('button', { name: 'Send 1,000' }).click();
      for (const tab of [ada, ben]) {
        const line = tab.page.getByRole('list', { name: 'Results of 1,000 messages' });
        await line.getByText(/^1,000 in order, /).waitFor();
        expect(await line.textContent()).toContain(await ben.connected());
      }
      expect((await seen()).dots).toBeGreaterThan(0);
      expect([...ada.complaints, ...ben.complaints]).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  test(
    'landmarks and names: what a screen reader is told',
    async () => {
      const tab = track(await ChatTab.open(browser, url));
      const { page } = tab;
      for (const role of ['banner', 'main', 'complementary', 'log'] as const) {
        expect([role, await page.getByRole(role).count()]).toEqual([role, 1]);
      }
      expect(await page.getByRole('navigation', { name: 'Rooms' }).count()).toBe(1);
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
      expect(await page.locator('html').getAttribute('lang')).toBe('en');
      for (const field of await page.locator('input').all()) {
        const id = (await field.getAttribute('id'))!;
        expect([id, await page.locator(`label[for="${id}"]`).count()]).toEqual([id, 1]);
      }
      for (const button of await page.getByRole('button').all()) {
        expect((await button.textContent())?.trim()).not.toBe('');
      }
      expect(await reachedByTab(page.locator('body'))).toEqual(
        expect.arrayContaining(['room', 'message', 'name', 'stop', 'announcement']),
      );
    },
    BROWSER_TIMEOUT_MS,
  );

  test.each(['light', 'dark'] as const)(
    'in %s: text has contrast, and nothing is cut off at 360 pixels',
    async (colorScheme) => {
      const viewport = { width: 360, height: 740 };
      const tab = track(await ChatTab.open(browser, url, { colorScheme, viewport }));
      // What was said before, in the other scheme, is in the history.
      await tab.say(`A word in ${colorScheme} that has no end ${'x'.repeat(200)}`);
      await tab.message(`A word in ${colorScheme} that has no end`);
      expect(await tab.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      expect(await poorContrast(tab)).toEqual([]);
    },
    BROWSER_TIMEOUT_MS,
  );

  if (process.env.SCREENSHOTS) {
    test(
      'pictures for the documentation',
      async () => {
        const viewport = { width: 1180, height: 830 };
        const tabs: ChatTab[] = [];
        for (const name of ['Ada', 'Grace', 'Linus', 'Barbara']) {
          const tab = track(await tabElsewhere(browser, url, tabs.slice(0, 2), { viewport, name }));
          await tab.join('releases');
          tabs.push(tab);
        }
        const [ada, grace, linus, barbara] = tabs as [ChatTab, ChatTab, ChatTab, ChatTab];
        const lines: [ChatTab, string][] = [
          [grace, 'Is everybody on an instance of their own?'],
          [ada, 'I am not on yours, and I read you.'],
          [linus, 'Somebody stop a worker, please.'],
          [barbara, 'Done. Did you notice?'],
          [ada, 'Not a thing.'],
        ];
        for (const [tab, text] of lines) {
          await tab.say(text);
          await ada.message(text);
        }
        await grace.page.getByLabel('Message', { exact: true }).pressSequentially('Ne');
        await ada.page.locator('#typing:not(:empty)').waitFor();
        await ada.page.locator(':focus').blur();
        await ada.takePictures('chat');
      },
      BROWSER_TIMEOUT_MS,
    );
  }
});

/** Counts, in `seen`, the dots and the lit ways of the picture from now on. */
const SEE_PICTURE = `
  globalThis.seen = { dots: 0, lit: 0 };
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      seen.dots += [...addedNodes].filter((node) => node.matches('.dot')).length;
      if (target.matches('.lit')) seen.lit++;
    }
  }).observe(document.getElementById('picture'), {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['class'],
  });
`;

/** The ids that the Tab key leads to, in their order. */
async function reachedByTab(body: Locator): Promise<string[]> {
  const page = body.page();
  const ids: string[] = [];
  for (let presses = 0; presses < 25; presses++) {
    await page.keyboard.press('Tab');
    ids.push(await page.evaluate('document.activeElement.id'));
  }
  return ids;
}
