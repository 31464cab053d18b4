// Metrics of a real manager process, and that alerts and the dashboard name what there is.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlPlane } from '../../support/control-plane.js';
import { freePort } from '../../support/free-port.js';
import { vmshadow, Vmshadow } from '../../support/vmshadow.js';

let plane: ControlPlane;
let dir: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-metrics-'));
  const host = '{ id: h1, peer: { address: 192.0.2.1, port: 1 }, probe: { address: 192.0.2.1, port: 2 } }';
  await writeFile(join(dir, 'cloud.yaml'), `sites: [{ id: west, kind: regional, hosts: [${host}] }]\n`);
});

afterAll(async () => {
  await plane.stop();
  await rm(dir, { recursive: true, force: true });
});

const deployed = (file: string) => readFile(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8');
const namesIn = (text: string) => [...new Set(text.match(/\bvmshadow_[a-z_]+\b/g))];

describe('vmshadow manager --metrics', () => {
  it("serves the pool's figures, which alerts and dashboard go by, and the SDK's", async () => {
    const env = { TEMPORAL_ADDRESS: plane.address };
    const port = String(await freePort());
    const argv = ['manager', '--config', join(dir, 'cloud.yaml'), '--metrics', port];
    const manager = new Vmshadow(argv, { env });
    let text = '';
    try {
      for (let i = 0; !text.includes('vmshadow_hosts_silent'); i++) {
        if (i > 120) throw new Error(`no figures of the pool: ${text}${manager.err}`);
        await sleep(500);
        text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
          (answer) => answer.text(),
          () => '',
        );
      }
      expect(text).toMatch(/^vmshadow_loop_answers\{.*pool="main".*\} 1$/m);
      expect(text).toMatch(/^vmshadow_hosts\{.*\} 1$/m);
      expect(text).toMatch(/^temporal_/m);
      const used = namesIn(
        (await deployed('prometheus-alerts.yaml')) + (await deployed('grafana-dashboard.json')),
      );
      expect(used.length).toBeGreaterThan(8);
      expect(namesIn(text)).toEqual(expect.arrayContaining(used));
      const second = await vmshadow(argv, { env });
      expect([second.exit, second.err]).toEqual([
        69,
        expect.stringMatching(/cannot serve metrics at 127\.0\.0\.1:\d+/),
      ]);
    } finally {
      await manager.interrupt();
    }
  }, 120_000);

  it('is refused where it is no address', async () => {
    const { exit, err } = await vmshadow([
      'manager',
      '--config',
      join(dir, 'cloud.yaml'),
      '--metrics',
      'all',
    ]);
    expect([exit, err]).toEqual([
      64,
      expect.stringMatching(/--metrics: expected PORT \(1 to 65535\) or ADDRESS:PORT/),
    ]);
  });
});
