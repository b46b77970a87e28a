import { expect, test } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { waitFor } from '../support/wait-for.js';
import { describeWithBrowser, launchBrowser } from './support/browser.js';
import { ChatTab, tabElsewhere, twoTabsApart } from './support/chat-tab.js';
import { DEMO_START_TIMEOUT_MS, DemoProcess } from './support/demo-process.js';

const PAUSE_MS = 5_000;

describeWithBrowser('the button "Pause Redis" of the demo', () => {
  const track = closeAfterEach();

  const textsIn = async ({ log }: ChatTab, pattern: RegExp): Promise<string[]> => {
    const text = (await log.textContent()) ?? '';
    return [...text.matchAll(new RegExp(pattern, 'g'))].map(([match]) => match);
  };

  test(
    'what two tabs on different workers send meanwhile is in every tab when Redis goes on, in the order of each',
    async () => {
      const demo = track(new DemoProcess(['--workers', '3', '--port', '0']));
      const [url, browser] = await Promise.all([demo.url(), launchBrowser()]);
      track({ dispose: () => browser.close() });
      const tabs = await twoTabsApart(browser, url, track);
      const [ada, ben] = tabs;

      await ada.page.getByRole('button', { name: 'Pause Redis' }).click();
      const paused = performance.now();
      for (const { page } of tabs)
        await page.getByRole('button', { name: 'Resume Redis' }).waitFor();
      for (let i = 1; i <= 4; i++) {
        await ada.say(`ada-${i}.`);
        await ben.say(`ben-${i}.`);
      }
      for (const text of ['one!', 'two!'])
        await ada.page.request.post(`${url}/announce`, { data: { text } });
      await new Promise((resolve) => setTimeout(resolve, paused + PAUSE_MS - performance.now()));
      await ben.page.getByRole('button', { name: 'Resume Redis' }).click();

      for (const tab of tabs) {
        await tab.page.getByRole('button', { name: 'Pause Redis' }).waitFor();
        for (const name of ['ada', 'ben']) {
          const all = [1, 2, 3, 4].map((i) => `${name}-${i}.`);
          await waitFor(
            `all of ${name}`,
            async () => (await textsIn(tab, new RegExp(`${name}-\\d\\.`))).length >= 4,
          );
          expect(await textsIn(tab, new RegExp(`${name}-\\d\\.`))).toEqual(all);
        }
        await waitFor(
          'the announcements',
          async () => (await textsIn(tab, /(one|two)!/)).length >= 2,
        );
        expect((await textsIn(tab, /(one|two)!/)).toSorted()).toEqual(['one!', 'two!']);
      }
    },
    DEMO_START_TIMEOUT_MS,
  );

  if (process.env.SCREENSHOTS) {
    test(
      'pictures for the documentation',
      async () => {
        const demo = track(new DemoProcess(['--workers', '4', '--port', '0']));
        const [url, browser] = await Promise.all([demo.url(), launchBrowser()]);
        track({ dispose: () => browser.close() });
        const wide = { viewport: { width: 1180, height: 830 }, name: 'Ada' };
        const phone = { viewport: { width: 390, height: 844 }, isMobile: true, name: 'Grace' };
        const ada = track(await ChatTab.open(browser, url, wide));
        const grace = track(await tabElsewhere(browser, url, [ada], phone));
        for (const tab of [ada, grace]) await tab.join('kitchen');
        const lines: [ChatTab, string][] = [
          [grace, 'The soup is on.'],
          [ada, 'Who is for bread?'],
          [grace, 'Everyone. It is warm.'],
        ];
        for (const [tab, text] of lines) {
          await tab.say(text);
          for (const other of [ada, grace]) await other.message(text);
        }
        await grace.page.locator('#message').scrollIntoViewIfNeeded();
        await ada.page.getByRole('button', { name: 'Pause Redis' }).click();
        for (const { page } of [ada, grace])
          await page.locator('#state[data-state="degraded"]').waitFor();
        await ada.say('Me. And did Redis just stop?');
        await grace.say('Never mind, I go on typing.');
        await ada.page.getByRole('button', { name: 'Send 1,000' }).click();
        await ada.page.getByText(/^1,000 in order, /).waitFor();
        for (const tab of [ada, grace]) {
          await tab.unsaid.first().waitFor();
          await tab.page.locator(':focus').blur();
        }
        await ada.takePictures('outage');
        await grace.takePictures('outage-phone');
        await ada.page.getByRole('button', { name: 'Resume Redis' }).click();
        await ada.message('Never mind');
      },
      DEMO_START_TIMEOUT_MS,
    );
  }
});
