// `npm run bench -- web-page [--desktops N]`: the page of `vmshadow web` in a real browser, with a pool of 2,000 desktops whose hosts' reports are made up: how
// long until it shows all of them, how much comes over the wire, how soon a filter answers. About a minute. Needs `npm run build` and Chromium.
import { z } from 'zod';
import { openPage } from '../cli/commands/web.js';
import { median } from '../domain/fingerprint/statistics.js';
import { ensureShadowLoop } from '../temporal/bootstrap.js';
import { LOOP } from '../temporal/contract/loop.js';
import { shadowLoopId } from '../temporal/contract/names.js';
import { openWatched, startBrowser } from '../test/support/browser.js';
import { ControlPlane } from '../test/support/control-plane.js';
import { eventually } from '../test/support/eventually.js';
import { freePort } from '../test/support/free-port.js';
import { startCrowd } from '../test/support/shown-crowd.js';
import type { BenchResult } from './bench-result.js';

export const Options = z.strictObject({
  desktops: z
    .string()
    .regex(/^\d+$/, 'expected a number')
    .transform(Number)
    .pipe(z.number().min(100).max(20_000))
    .default(2_000),
});

const RUNS = 5;
const PATIENCE = { timeout: 120_000 };

/** What one opening of the page cost. */
interface Opened {
  readonly shownMs: number;
  readonly filterMs: number;
  readonly wireBytes: Readonly<Record<string, number>>;
}

/** Measure everything. */
export async function run({ desktops }: z.output<typeof Options>): Promise<BenchResult> {
  const plane = await ControlPlane.start();
  process.env['TEMPORAL_ADDRESS'] = plane.address;
  await plane.startManager();
  const crowd = await startCrowd(plane.address, desktops, 'none');
  const browser = await startBrowser();
  const { pool } = crowd.config;
  const server = await openPage({ pool, port: await freePort() });
  try {
    await ensureShadowLoop(plane.client, crowd.config);
    await eventually(
      () => plane.client.workflow.getHandle(shadowLoopId(pool)).query(LOOP.status),
      (s) => s.desktopCount === desktops && s.plan !== null,
    );
    await eventually(
      async () => (await fetch(`${server.address}/api/desktops`)).status,
      (status) => status === 200,
    );
    const opened: Opened[] = [];
    for (let i = 0; i < RUNS; i++) opened.push(await open());
    return resultOf(desktops, opened);
  } finally {
    await browser.close();
    await server.stop();
    await crowd.stop();
    await plane.stop();
  }

  async function open(): Promise<Opened> {
    const begun = performance.now();
    const { page } = await openWatched(browser, server.address);
    await page
      .getByText(`${String(desktops)} desktops`)
      .first()
      .waitFor(PATIENCE);
    await page
      .locator('.user')
      .first()
      .waitFor({ state: 'attached', ...PATIENCE });
    const shownMs = performance.now() - begun;
    const sizes = await page.evaluate<Record<string, number>>(
      `Object.fromEntries(performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).map((e) => [new URL(e.name).pathname, e.encodedBodySize]))`,
    );
    await page.goto(`${server.address}/#desktops`);
    await page.locator('tbody tr').nth(49).waitFor(PATIENCE);
    const typed = performance.now();
    await page.locator('#filter').fill('desktop-00001');
    await page.getByRole('status').getByText('1 desktop', { exact: true }).waitFor(PATIENCE);
    const filterMs = performance.now() - typed;
    await page.close();
    return { shownMs, filterMs, wireBytes: sizes };
  }
}

function resultOf(desktops: number, opened: readonly Opened[]): BenchResult {
  const shownMs = median(opened.map((o) => o.shownMs)) ?? NaN;
  const filterMs = median(opened.map((o) => o.filterMs)) ?? NaN;
  const sizes = opened.at(-1)?.wireBytes ?? {};
  const total = Object.values(sizes).reduce((sum, n) => sum + n, 0);
  const kilo = (n: number) => `${(n / 1000).toFixed(1)} kB`;
  return {
    targets: [
      {
        name: `all of ${String(desktops)} desktops are shown`,
        target: '< 2 s',
        measured: `${shownMs.toFixed(0)} ms (median of ${String(opened.length)})`,
        met: shownMs < 2_000,
      },
      {
        name: 'a filter answers',
        target: '< 100 ms',
        measured: `${filterMs.toFixed(0)} ms`,
        met: filterMs < 100,
      },
      {
        name: 'what comes over the wire',
        target: '< 500 kB',
        measured: kilo(total),
        met: total < 500_000,
      },
    ],
    table: [
      '| what | over the wire |',
      '|---|---|',
      ...Object.entries(sizes).map(([path, n]) => `| ${path} | ${kilo(n)} |`),
      '',
    ].join('\n'),
    raw: { desktops, opened },
  };
}
