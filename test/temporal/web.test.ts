// The page in a real browser, served by the real command, of real loops on a real Temporal server: one with fake hosts whose desktops move, one
// with 2,000 desktops.
import { request } from 'node:http';
import type { Browser } from 'playwright-core';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import { openWatched, startBrowser } from '../support/browser.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { startCrowd, type Crowd } from '../support/shown-crowd.js';
import { startShownCloud, type ShownCloud } from '../support/shown-cloud.js';
import { Vmshadow, vmshadow } from '../support/vmshadow.js';

const CROWD = 2_000;
const HOSTILE = '<img src=x onerror=alert(1)> & "quotes"';
/** Waits of the browser: far beyond what anything takes on an idle machine. */
const PATIENCE = { timeout: 60_000 };
let plane: ControlPlane;
let shown: ShownCloud;
let crowd: Crowd;
let browser: Browser;

const servers: Vmshadow[] = [];

/** Serve the page, and give the address that the command printed. */
async function serve(...argv: string[]): Promise<string> {
  const port = String(await freePort());
  const server = new Vmshadow(['web', '--port', port, ...argv], { env: { TEMPORAL_ADDRESS: plane.address } });
  servers.push(server);
  await server.untilPrinted('page: ', 60_000);
  return /page: (\S+)/.exec(server.err)?.[1] ?? '';
}

const until = (pool: ShownCloud['config']['pool'], desktops: number) =>
  eventually(
    () => plane.client.workflow.getHandle(shadowLoopId(pool)).query(LOOP.status),
    (s) => s.desktopCount === desktops && s.plan !== null,
  );

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.startManager();
  shown = await startShownCloud(plane, { act: false, cycleMs: 500 });
  crowd = await startCrowd(plane.address, CROWD, HOSTILE);
  await ensureShadowLoop(plane.client, shown.config);
  await ensureShadowLoop(plane.client, crowd.config);
  browser = await startBrowser();
}, 240_000);

afterAll(async () => {
  await browser.close();
  await Promise.all(servers.map((server) => server.interrupt()));
  await crowd.stop();
  await plane.stop();
  await shown.cloud.remove();
});

describe('the page', () => {
  it('shows map, plan and a move with its phases, and then what the desktop has gained', async () => {
    await until(shown.config.pool, 16);
    const origin = await serve('--ui', 'http://127.0.0.1:9');
    const { page, complaints, strangers } = await openWatched(browser, origin);
    await page.getByRole('link', { name: /^us-west: \d+ of 12 slots in use$/ }).waitFor(PATIENCE);
    await page
      .locator('.user.rtt-remote')
      .first()
      .waitFor({ state: 'attached', ...PATIENCE });
    expect((await page.locator('path.land').getAttribute('d'))?.length).toBeGreaterThan(1_000);
    await page.keyboard.press('4');
    await page.getByText('video-boston').first().waitFor(PATIENCE);
    await page.getByText(/Of cycle \d+, by exact: \d+ moves\. The loop only plans/).waitFor(PATIENCE);

    for (const host of shown.hosts.values()) host.faults.add('disk never ends');
    const moved = await vmshadow(['move', 'video-boston', 'us-east', '--no-follow'], {
      env: { TEMPORAL_ADDRESS: plane.address },
    });
    expect(moved.exit).toBe(0);
    await page.keyboard.press('3');
    await page.locator('.steps .now', { hasText: 'async-disk' }).waitFor(PATIENCE);
    await page.getByText('copying the disk in the background').waitFor(PATIENCE);
    expect(await page.getByRole('link', { name: 'in the Temporal UI' }).last().getAttribute('href')).toBe(
      'http://127.0.0.1:9/namespaces/default/workflows/migrate%2Fvideo-boston',
    );
    for (const host of shown.hosts.values()) host.faults.clear();
    await page.getByRole('cell', { name: 'moved', exact: true }).waitFor(PATIENCE);

    await page.goto(`${origin}/#desktops/video-boston`);
    await page.locator('dd', { hasText: 'us-east/h1' }).waitFor(PATIENCE);
    await page.getByText(/response: .* before, .* predicted, .* realised: helped/).waitFor(PATIENCE);
    await page
      .locator('.chart .line path')
      .first()
      .waitFor({ state: 'attached', ...PATIENCE });
    expect([complaints, strangers]).toEqual([[], []]);
    await page.close();
  }, 240_000);

  it('answers at 2,000 desktops, to the keyboard, in dark and light, and shows text as text', async () => {
    await until(crowd.config.pool, CROWD);
    const origin = await serve('--pool', crowd.config.pool);
    await eventually(
      async () => (await fetch(`${origin}/api/desktops`)).status,
      (status) => status === 200,
    );
    const { page, complaints, strangers } = await openWatched(browser, origin);
    await page.getByText('2000 desktops').first().waitFor(PATIENCE);
    await page
      .locator('.user')
      .first()
      .waitFor({ state: 'attached', ...PATIENCE });
    // Users near each other are one, however many there are.
    expect(await page.locator('.user').count()).toBeLessThan(1_000);
    await page.keyboard.press('/');
    await page.locator('#filter').waitFor(PATIENCE);
    await eventually(
      () => page.locator('tbody tr').count(),
      (rows) => rows === 50,
    );
    await page.keyboard.press('Escape');
    await page.keyboard.press(']');
    await page.getByText('page 2 of 40').waitFor(PATIENCE);
    await page.keyboard.press('/');
    await page.keyboard.type('desktop-00000');
    await page.getByRole('status').getByText('1 desktop', { exact: true }).waitFor(PATIENCE);
    expect(await page.locator('td .problem').textContent()).toBe(HOSTILE);
    expect(await page.locator('img').count()).toBe(0);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'desktop-00000' }).waitFor(PATIENCE);
    expect(new URL(page.url()).hash).toBe('#desktops/desktop-00000');
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Desktops' }).waitFor(PATIENCE);

    // The page draws anew a moment after the choice.
    const untilGroundIs = (colour: string) =>
      eventually(
        () => page.evaluate('getComputedStyle(document.body).backgroundColor'),
        (ground) => ground === colour,
      );
    await page.emulateMedia({ colorScheme: 'light' });
    await untilGroundIs('rgb(255, 255, 255)');
    await page.emulateMedia({ colorScheme: 'dark' });
    await untilGroundIs('rgb(18, 23, 29)');
    await page.getByLabel('colours').selectOption('light');
    await untilGroundIs('rgb(255, 255, 255)');
    expect([complaints, strangers]).toEqual([[], []]);
    await page.close();
  }, 240_000);
});

/** A request with headers that no browser lets a page set. */
function raw(origin: string, path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; cookie: string }>((resolve, reject) => {
    request(new URL(path, origin), { method, headers }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, cookie: response.headers['set-cookie']?.[0] ?? '' }),
      );
    })
      .once('error', reject)
      .end();
  });
}

describe('its server', () => {
  it('sends a program of little size, whatever else the rules that it shows by import', async () => {
    const program = await (await fetch(`${await serve()}/page.js`)).text();
    expect(program.length).toBeGreaterThan(10_000);
    expect(program.length).toBeLessThan(200_000);
  });

  it('answers nobody who was led here by another name, and changes nothing', async () => {
    const origin = await serve();
    expect((await raw(origin, '/')).status).toBe(200);
    expect((await raw(origin, '/api/overview', { host: 'evil.example' })).status).toBe(421);
    expect((await raw(origin, '/api/overview', {}, 'POST')).status).toBe(405);
    for (const path of [
      '/../package.json',
      '/api/desktops/..%2F',
      '/api/desktops/a?limit=0',
      '/?x=1',
      '/page.js/',
    ])
      expect([path, (await raw(origin, path)).status]).toEqual([path, 404]);
    expect((await raw(origin, '/api/desktops/nosuch')).status).toBe(404);
    const { headers } = await fetch(origin);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  it('asks for its token beyond loopback, and takes it once for a cookie that no script reads', async () => {
    const given = new URL(await serve('--host', '0.0.0.0'));
    const token = given.searchParams.get('token') ?? '';
    expect(token).toMatch(/^[\w-]{22}$/);
    const origin = `http://127.0.0.1:${given.port}`;
    for (const path of ['/', '/page.js', '/api/overview', '/healthz', '/?token=wrong', `/?token=${token}x`])
      expect([path, (await raw(origin, path)).status]).toEqual([path, 401]);
    const { status, cookie } = await raw(origin, given.pathname + given.search);
    expect([status, cookie]).toEqual([303, expect.stringMatching(/; HttpOnly; SameSite=Lax$/)]);
    expect((await raw(origin, '/', { cookie: cookie.split(';')[0] ?? '' })).status).toBe(200);
    expect((await raw(origin, '/healthz', { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it('says what is wrong with its command line', async () => {
    const { exit, err } = await vmshadow(['web', '--host', 'example.org', '--ui', 'javascript:alert(1)']);
    expect(exit).toBe(64);
    for (const words of ['--host: expected an IP address', '--ui: expected an address such as'])
      expect(err).toContain(words);
  });
});
