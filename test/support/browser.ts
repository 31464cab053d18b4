// A real browser: Debian's Chromium, driven by playwright-core, which brings none of its own.
import { chromium, type Browser, type Page } from 'playwright-core';

/** Root has no sandbox of its own there, and containers have a small /dev/shm. */
const ARGS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS });

export interface Watched {
  readonly page: Page;
  /** What the page has complained of: errors, and what its policy forbade. */
  readonly complaints: string[];
  /** Addresses that it has asked, other than those of `origin`. */
  readonly strangers: string[];
}

/** Open a page that is watched from the start. */
export async function openWatched(browser: Browser, origin: string, path = '/'): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const [complaints, strangers]: [string[], string[]] = [[], []];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) strangers.push(url);
  });
  await page.goto(`${origin}${path}`);
  return { page, complaints, strangers };
}
