// `npx tsx scripts/screenshots.ts [page|temporal]`: the pictures of docs/images, from the real page and the real Temporal UI in a real browser, of a cloud of
// fake hosts (test/support/shown-cloud.ts). Needs `npm run build` and Chromium.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { ensureShadowLoop } from '../temporal/bootstrap.js';
import { openPage } from '../cli/commands/web.js';
import { ControlPlane } from '../test/support/control-plane.js';
import { startBrowser } from '../test/support/browser.js';
import { startShownCloud } from '../test/support/shown-cloud.js';
import { vmshadow } from '../test/support/vmshadow.js';

const folder = fileURLToPath(new URL('../docs/images/', import.meta.url));
const PATIENCE = { timeout: 120_000 };
/** So many cycles make a chart. */
const CHART_MS = 20_000;

await mkdir(folder, { recursive: true });
const plane = await ControlPlane.start();
process.env['TEMPORAL_ADDRESS'] = plane.address;
await plane.startManager();
const shown = await startShownCloud(plane, { act: false, cycleMs: 1_000 });
await ensureShadowLoop(plane.client, shown.config);
const browser = await startBrowser();
const server = await openPage({ pool: shown.config.pool, port: undefined, ui: plane.uiAddress });
try {
  await pagePictures();
  await temporalPictures();
} finally {
  await browser.close();
  await server.stop();
  await plane.stop();
  await shown.cloud.remove();
}

async function open(url: string, height: number): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1200, height }, colorScheme: 'light' });
  await page.goto(url);
  return page;
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${folder}${name}.png`, scale: 'css' });
}

async function pagePictures(): Promise<void> {
  const page = await open(server.address, 860);
  await page
    .locator('.user')
    .first()
    .waitFor({ state: 'attached', ...PATIENCE });
  await sleep(CHART_MS);
  const hold = [...shown.hosts.values()];
  for (const host of hold) host.faults.add('disk never ends');
  const moves = [
    ['video-boston', 'us-east'],
    ['video-london', 'eu-west'],
  ] as const;
  for (const [desktop, site] of moves)
    await vmshadow(['move', desktop, site, '--no-follow'], { env: { TEMPORAL_ADDRESS: plane.address } });
  await page
    .locator('.moving')
    .nth(1)
    .waitFor({ state: 'attached', ...PATIENCE });
  await shoot(page, 'page-map');
  await page.goto(`${server.address}/#moves`);
  await page.locator('.steps .now', { hasText: 'async-disk' }).nth(1).waitFor(PATIENCE);
  await page.setViewportSize({ width: 1200, height: 560 });
  await shoot(page, 'page-moves');
  for (const host of hold) host.faults.clear();
  await page.goto(`${server.address}/#desktops/video-boston`);
  await page.getByText(/realised: helped/).waitFor(PATIENCE);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 1200, height: 900 });
  await shoot(page, 'page-desktop');
  await page.goto(`${server.address}/#plan`);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByText('What would move').waitFor(PATIENCE);
  await page.setViewportSize({ width: 1200, height: 640 });
  await shoot(page, 'page-plan');
  await page.close();
}

/** Finding a move that failed, its details in plain words, and what comes after `retry`. */
async function temporalPictures(): Promise<void> {
  const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });
  for (const host of shown.hosts.values()) host.faults.add('disk breaks');
  await run('move', 'video-miami', 'us-east');
  for (const host of shown.hosts.values()) host.faults.clear();
  const query = encodeURIComponent('VmsOutcome = "failed"');
  const page = await open(`${plane.uiAddress}/namespaces/default/workflows?query=${query}`, 620);
  await page.getByText('migrate/video-miami').first().waitFor(PATIENCE);
  await sleep(2_000);
  await shoot(page, 'temporal-failed-moves');
  await page.getByText('migrate/video-miami').first().click();
  await page.waitForURL(/history/, PATIENCE);
  await sleep(4_000);
  await shoot(page, 'temporal-move-history');
  await page.close();
}
