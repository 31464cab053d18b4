// `vmshadow host init` and `vmshadow doctor` on a machine as it is: real commands, a real network, rules and sockets of other programs.
// Needs `npm run build`.
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Finding } from '../../../domain/machine/finding.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { Dom0Config } from '../../../domain/model/dom0.js';
import { World } from '../../../lab/net/world.js';
import { VMSHADOW_BIN } from '../../support/vmshadow.js';

const HOST = 'us-west/h1';
let world: World;
let dir: string;

beforeAll(async () => {
  world = await World.create({ prefix: 'vmsinit', sites: [{ id: 'us-west' }] });
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-init-'));
});
afterAll(async () => {
  await world.destroy();
  await rm(dir, { recursive: true, force: true });
});

const inHost = (...argv: [string, ...string[]]) => world.exec(world.host(HOST).namespace, argv);

async function vmshadow(...args: string[]): Promise<{ exit: number | null; out: string; err: string }> {
  const env = { NODE_OPTIONS: '', TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const child = world.spawn(world.host(HOST).namespace, [process.execPath, VMSHADOW_BIN, ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const { exitCode } = await child.ended;
  return { exit: exitCode, out, err };
}

const init = (...more: string[]) =>
  vmshadow(
    ...['host', 'init', HOST, '--external', '198.18.0.1-3'],
    ...[
      '--dir',
      join(dir, 'etc'),
      '--state-dir',
      join(dir, 'state'),
      '--unit-dir',
      join(dir, 'units'),
      ...more,
    ],
  );

/** What `doctor` finds wrong, but for what this machine lacks beside the network: keys, Temporal, its user, KVM. */
async function wrong(): Promise<string[]> {
  const { exit, out } = await vmshadow('doctor', '--config', join(dir, 'etc', 'dom0.yaml'), '--json');
  expect(exit).toBe(1);
  const { examined } = JSON.parse(out) as { examined: { role: string; findings: Finding[] }[] };
  expect(examined.map((e) => e.role)).toEqual(['host']);
  const ours = ['firewall', 'port', 'qdisc', 'uplink', 'address', 'internal-range', 'external-pool'];
  return examined[0]!.findings
    .filter((f) => f.level === 'problem' && ours.includes(f.about))
    .map((f) => `${f.about}: ${f.message}`);
}

it('writes nothing in a dry run, then a dom0.yaml and a unit by what the machine is, and never over another', async () => {
  const dry = await init('--dry-run', '--json');
  expect(dry).toMatchObject({ exit: 0, err: '' });
  await expect(readFile(join(dir, 'etc', 'dom0.yaml'))).rejects.toThrow('ENOENT');

  const done = await init('--temporal', '192.0.2.5:7233');
  expect(done).toMatchObject({ exit: 0, err: '' });
  const text = await readFile(join(dir, 'etc', 'dom0.yaml'), 'utf8');
  const config = Dom0Config.parse(parse(text));
  const { address, device } = world.host(HOST);
  expect(config).toMatchObject({
    site: 'us-west',
    host: 'h1',
    uplink: device,
    peer: { address },
    probe: { address },
  });
  expect(config.externalPool).toEqual(['198.18.0.1', '198.18.0.2', '198.18.0.3']);
  const { files, cloud } = JSON.parse(dry.out) as { files: { text: string }[]; cloud: unknown };
  expect(files[0]!.text.replace(/diskMiB: \d+/, '')).toBe(text.replace(/diskMiB: \d+/, ''));
  const [host] = CloudConfig.parse(cloud).sites[0]!.hosts;
  expect(host).toMatchObject({ id: 'h1', peer: config.peer, probe: config.probe });
  const unit = await readFile(join(dir, 'units', 'vmshadow-dom0.service'), 'utf8');
  expect(unit).toContain(
    `ExecStart=${process.execPath} ${VMSHADOW_BIN} dom0 --config ${join(dir, 'etc', 'dom0.yaml')}`,
  );
  expect(await readFile(join(dir, 'etc', 'environment'), 'utf8')).toBe('TEMPORAL_ADDRESS=192.0.2.5:7233\n');
  expect(done.out).toMatch(/PROBLEM .*\n +-> .*keys issue us-west\/h1/);

  await writeFile(join(dir, 'etc', 'dom0.yaml'), '# mine\n');
  const again = await init();
  expect(again).toMatchObject({ exit: 1, out: '' });
  expect(again.err).toMatch(/dom0\.yaml.*there already; nothing was written/);
  expect(await readFile(join(dir, 'etc', 'dom0.yaml'), 'utf8')).toBe('# mine\n');
  expect((await init('--force')).exit).toBe(0);
  expect(await readFile(join(dir, 'etc', 'dom0.yaml'), 'utf8')).toContain('externalPool');
}, 60_000);

it('finds what is in the way of a host, and nothing when it has gone', async () => {
  expect(await wrong()).toEqual([]);
  const device = world.host(HOST).device;
  await inHost('nft', 'add', 'table', 'inet', 'fw');
  await inHost('nft', 'add chain inet fw in { type filter hook input priority 0; policy drop; }');
  await inHost('tc', 'qdisc', 'add', 'dev', device, 'root', 'handle', '1:', 'htb');
  await inHost('ip', 'link', 'add', 'lan0', 'type', 'dummy').catch(() =>
    inHost('ip', 'tuntap', 'add', 'lan0', 'mode', 'tap'),
  );
  await inHost('ip', 'addr', 'add', '10.77.9.1/24', 'dev', 'lan0');
  const listener = world.spawn(world.host(HOST).namespace, [
    process.execPath,
    '-e',
    "require('node:net').createServer().listen(7947, () => require('node:dgram').createSocket('udp4').bind(7946, () => console.log('bound')))",
  ]);
  await once(listener.stdout, 'data');
  expect(await wrong()).toEqual([
    expect.stringMatching(/^qdisc: .*\(htb\)/),
    expect.stringMatching(/^internal-range: lan0 is in 10\.77\.9\.1\/24/),
    expect.stringMatching(/^port: TCP 7947 .*node/),
    expect.stringMatching(/^port: UDP 7946 .*node/),
    expect.stringMatching(/^firewall: .*DHCP.*UDP 7946.*TCP 7947.*TCP 49152-49215/),
  ]);
  listener.kill();
  await listener.ended;
  await inHost('nft', 'delete', 'table', 'inet', 'fw');
  await inHost('tc', 'qdisc', 'del', 'dev', device, 'root');
  await inHost('ip', 'link', 'del', 'lan0');
  expect(await wrong()).toEqual([]);
}, 60_000);
