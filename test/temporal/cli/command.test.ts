// The real command as a process: start-up, help, configuration errors, `dev` with its own Temporal server.
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXAMPLE_CLOUD } from '../../../cli/example-config.js';
import type { LoopStatus } from '../../../temporal/contract/status.js';
import { freePort } from '../../support/free-port.js';
import { vmshadow, Vmshadow } from '../../support/vmshadow.js';

/** Five seconds of looking for a server, and the start of a process on a busy machine. */
const PATIENCE_MS = 30_000;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vms-cli-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('the command', () => {
  it('prints help and version, nothing on standard error', async () => {
    const help = await vmshadow(['status', '--help']);
    expect(help).toMatchObject({ exit: 0, err: '' });
    expect(help.out).toContain('--watch');
    const version = await vmshadow(['--version']);
    expect(version).toMatchObject({ exit: 0, err: '' });
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('ends with 78 and every problem of a configuration, without a stack', async () => {
    const file = join(dir, 'bad.yaml');
    await writeFile(file, 'pool: "No Pool"\nsites: []\nlimits: { moveMbps: fast }\n');
    for (const command of ['manager', 'dev']) {
      const { exit, out, err } = await vmshadow([command, '--config', file]);
      expect(exit).toBe(78);
      expect(out).toBe('');
      for (const place of ['3 problems', '- pool:', '- sites:', '- limits.moveMbps:'])
        expect(err).toContain(place);
      expect(err).not.toMatch(/\n +at /);
    }
    const dom0 = await vmshadow(['dom0', '--config', file]);
    expect(dom0.exit).toBe(78);
    expect(dom0.err).toContain('- site:');
    expect(dom0.err).toContain('- externalPool:');
    const proxy = await vmshadow(['proxy', '--config', file]);
    expect(proxy.exit).toBe(78);
    expect(proxy.err).toContain('- identity:');
  });

  it('says where it looked for Temporal and what to do when nothing answers (69)', async () => {
    const address = `127.0.0.1:${String(await freePort())}`;
    const begun = Date.now();
    const { exit, err, out } = await vmshadow(['status', '--json'], { env: { TEMPORAL_ADDRESS: address } });
    expect(exit).toBe(69);
    expect(err).toContain(address);
    expect(err).toContain('vmshadow dev');
    expect(err).toContain('TEMPORAL_ADDRESS');
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'CONTROL_PLANE' } });
    expect(Date.now() - begun).toBeLessThan(PATIENCE_MS);
  });

  it('ends quietly when its reader went away', async () => {
    const help = new Vmshadow(['--help']);
    help.child.stdout.destroy();
    expect(await help.ended).toMatchObject({ exit: 0, err: '' });
  });
});

describe('vmshadow dev', () => {
  it('prints an example that it takes itself', async () => {
    const { exit, out } = await vmshadow(['dev', '--example']);
    expect(exit).toBe(0);
    expect(out.trim()).toBe(EXAMPLE_CLOUD.trim());
  });

  it('starts no server beyond loopback, or says in red what that means where it is told to', async () => {
    await writeFile(join(dir, 'vmshadow.yaml'), EXAMPLE_CLOUD);
    const ports = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
    const argv = ['dev', '--db', 'open/temporal.db', ...ports];
    for (const ip of ['192.0.2.1', '0.0.0.0']) {
      const { exit, err } = await vmshadow([...argv, '--ip', ip], { cwd: dir });
      expect(exit).toBe(64);
      expect(err).toMatch(/without TLS/);
      expect(err).toMatch(/--insecure/);
      await expect(access(join(dir, 'open'))).rejects.toThrow();
    }
    const dev = new Vmshadow([...argv, '--ip', '0.0.0.0', '--insecure'], { cwd: dir });
    try {
      await dev.untilPrinted('manager ready', 60_000);
      expect(dev.err).toContain('\u001b[1;31mINSECURE: ');
      expect(dev.err).toMatch(/INSECURE: .*without TLS/);
    } finally {
      expect((await dev.interrupt()).exit).toBe(0);
    }
  }, 120_000);

  it('runs a server and the manager, survives its own restart, and ends with 0 on Ctrl-C', async () => {
    await writeFile(join(dir, 'vmshadow.yaml'), EXAMPLE_CLOUD);
    const [port, uiPort] = [await freePort(), await freePort()];
    const argv = ['dev', '--db', 'state/temporal.db', '--port', String(port), '--ui-port', String(uiPort)];
    const address = `127.0.0.1:${String(port)}`;
    for (const round of ['first', 'second']) {
      const dev = new Vmshadow(argv, { cwd: dir });
      try {
        await dev.untilPrinted('manager ready', 60_000);
        expect(dev.err).toContain(`web UI: http://127.0.0.1:${String(uiPort)}`);
        expect((await fetch(`http://127.0.0.1:${String(uiPort)}/`)).status).toBe(200);
        const { exit, out } = await vmshadow(['status', '--json'], { env: { TEMPORAL_ADDRESS: address } });
        expect(exit).toBe(0);
        const status = JSON.parse(out) as LoopStatus;
        expect(status.hosts.map((h) => h.host.site)).toEqual(['us-west', 'us-central']);
        if (round === 'first')
          await vmshadow(['policy', 'set', 'msPerGB=7'], { env: { TEMPORAL_ADDRESS: address } });
        else
          expect((await vmshadow(['policy'], { env: { TEMPORAL_ADDRESS: address } })).out).toMatch(
            /msPerGB +7/,
          );
      } finally {
        const { exit, err } = await dev.interrupt();
        expect(`${String(exit)} ${err}`).toMatch(/^0 /);
      }
      await expect(fetch(`http://127.0.0.1:${String(uiPort)}/`)).rejects.toThrow();
    }
  }, 180_000);
});
