import { fileURLToPath } from 'node:url';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';

const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));

export type TabOptions = BrowserContextOptions & { name?: string };

/** A tab with the chat, driven as a person with a keyboard would. */
export class ChatTab {
  /** What the browser complained about: a violated policy, a failed script. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      const isRefusal = message.text().includes('WebSocket');
      if (message.type() === 'error' && !isRefusal) this.complaints.push(message.text());
    });
  }

  static async open(
    browser: Browser,
    url: string,
    { name, ...options }: TabOptions = {},
  ): Promise<ChatTab> {
    const context = await browser.newContext(options);
    if (name !== undefined) {
      await context.addInitScript(`sessionStorage.setItem('name', ${JSON.stringify(name)})`);
    }
    const tab = new ChatTab(context, await context.newPage());
    await tab.page.goto(url);
    await tab.connected();
    return tab;
  }

  /** The one log on the screen. */
  get log(): Locator {
    return this.page.getByRole('log');
  }

  get state(): Locator {
    return this.page.locator('#state');
  }

  /** Resolves, with the name of the instance that serves it, once it is connected. */
  async connected(): Promise<string> {
    await this.page.locator('#state[data-state="connected"]').waitFor();
    const text = (await this.state.textContent()) ?? '';
    return text.replace('Connected to ', '');
  }

  async rename(name: string): Promise<void> {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Change' }).click();
    await this.connected();
  }

  async join(room: string): Promise<void> {
    await this.page.getByLabel('Join or open a room').fill(room);
    await this.page.keyboard.press('Enter');
    await this.page.getByRole('heading', { name: `# ${room}` }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel('Message', { exact: true }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** The message with that text, when it has come. */
  async message(text: string): Promise<Locator> {
    const message = this.log.getByRole('article').filter({ hasText: text });
    await message.waitFor();
    return message;
  }

  /** What was said, as the log on the screen shows it. */
  said(): Promise<string[]> {
    return this.log.getByRole('article').locator('.text').allTextContents();
  }

  /** What this tab has said and nobody has yet. */
  get unsaid(): Locator {
    return this.page.getByRole('list', { name: 'Not said yet' }).getByRole('listitem');
  }

  /** Whether the last message in the log on the screen is wholly in the part of it that is seen. */
  async newestIsInView(): Promise<boolean> {
    const [log, entry] = await Promise.all([
      this.log.boundingBox(),
      this.log.getByRole('article').last().boundingBox(),
    ]);
    return entry!.y + entry!.height <= log!.y + log!.height;
  }

  /** For the documentation, in both colour schemes. */
  async takePictures(name: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.screenshot({ path: `${IMAGES}${name}-${colorScheme}.png` });
    }
  }

  async dispose(): Promise<void> {
    await this.context.close();
  }
}

/**
 * A tab that another instance serves than the given ones. Connections go round, so a few attempts
 * are plenty.
 */
export async function tabElsewhere(
  browser: Browser,
  url: string,
  others: readonly ChatTab[],
  options?: TabOptions,
): Promise<ChatTab> {
  const taken = await Promise.all(others.map((tab) => tab.connected()));
  for (let tries = 0; tries < 10; tries++) {
    const tab = await ChatTab.open(browser, url, options);
    if (!taken.includes(await tab.connected())) return tab;
    await tab.dispose();
  }
  throw new Error(`Ten tabs were all served by ${taken.join(' or ')}`);
}

/** Two tabs that are served by different instances. */
export async function twoTabsApart(
  browser: Browser,
  url: string,
  track: <T extends { dispose(): unknown }>(thing: T) => T,
): Promise<[ChatTab, ChatTab]> {
  const first = track(await ChatTab.open(browser, url));
  return [first, track(await tabElsewhere(browser, url, [first]))];
}
