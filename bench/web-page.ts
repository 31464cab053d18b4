// `npm run bench -- web-page [--desktops N]`: the page of `vmshadow web` in a real browser, with a pool of 2,000 desktops whose hosts' reports are made up: how
// long until it shows all of them, how much comes over the wire, how soon a filter answers. About a minute. Needs `npm run build` and Chromium.
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { openPage } from '../cli/commands/web.js';
import { median } from '../domain/fingerprint/statistics.js';
import { ensureShadowLoop } from '../temporal/bootstrap.js';
import { LOOP } from '../temporal/contract/loop.js';
import { shadowLoopId } from '../temporal/contract/names.js';
import { startBrowser } from '../test/support/browser.js';
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
  /** CPU time of the page's main thread until it shows all, and of the filter: what does not depend on who else is on the machine. */
  readonly shownCpuMs: number;
  readonly filterCpuMs: number;
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
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const cpuMs = await cpuMeter(page);
    await page.addInitScript(watchFor(desktops));
    await page.goto(server.address);
    const shownMs = await eventually(
      () => page.evaluate<number | null>('shownAtMs'),
      (ms) => ms !== null,
    );
    const shownCpuMs = await cpuMs();
    const sizes = await page.evaluate<Record<string, number>>(
      `Object.fromEntries(performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).map((e) => [new URL(e.name).pathname, e.encodedBodySize]))`,
    );
    await page.goto(`${server.address}/#desktops`);
    await page.locator('tbody tr').nth(49).waitFor(PATIENCE);
    const beforeCpuMs = await cpuMs();
    const filterMs = await page.evaluate<number>(typeAndWait('desktop-00001'));
    const filterCpuMs = (await cpuMs()) - beforeCpuMs;
    await page.close();
    return { shownMs: shownMs ?? NaN, filterMs, shownCpuMs, filterCpuMs, wireBytes: sizes };
  }
}

/** How much CPU time the page's main thread has taken, whenever it is asked. */
async function cpuMeter(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
  };
}

/** In the page, frame by frame: when, since it was asked for, it shows all desktops with their users, land included. */
function watchFor(desktops: number): string {
  return `globalThis.shownAtMs = null;
    const look = () => {
      const said = document.querySelector('.head')?.textContent ?? '';
      const drawn = document.querySelector('.user') !== null && (document.querySelector('.land')?.getAttribute('d') ?? '') !== '';
      if (drawn && said.includes('${String(desktops)} desktops')) globalThis.shownAtMs = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);`;
}

/** In the page: how long from a key to the frame in which the list has what was typed. */
function typeAndWait(words: string): string {
  return `new Promise((resolve) => {
    const begunMs = performance.now();
    const input = document.querySelector('#filter');
    input.value = '${words}';
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    const look = () => {
      if (document.querySelector('[role=status]').textContent === '1 desktop') resolve(performance.now() - begunMs);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  })`;
}

function resultOf(desktops: number, opened: readonly Opened[]): BenchResult {
  const middle = (of: (o: Opened) => number) => median(opened.map(of)) ?? NaN;
  const [shownMs, filterMs] = [middle((o) => o.shownMs), middle((o) => o.filterMs)];
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
      '| | time | CPU time of the page |',
      '|---|---|---|',
      `| until all is shown | ${shownMs.toFixed(0)} ms | ${middle((o) => o.shownCpuMs).toFixed(0)} ms |`,
      `| a filter | ${filterMs.toFixed(0)} ms | ${middle((o) => o.filterCpuMs).toFixed(0)} ms |`,
      '',
      '| what | over the wire |',
      '|---|---|',
      ...Object.entries(sizes).map(([path, n]) => `| ${path} | ${kilo(n)} |`),
      '',
    ].join('\n'),
    raw: { desktops, opened },
  };
}
