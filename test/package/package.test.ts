// What scripts/package makes, unpacked and run from where it lies: opt-in (`npm run test:package`, after `npm run build`), since it packs some 270 MB.
import { jest } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isVmshadowError } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';

const PACK_MS = 900_000;
const UNITS = 'usr/lib/systemd/system';

/** However busy the machine is. */
const run = (argv: [string, ...string[]]) => runCommand(argv, { timeoutMs: PACK_MS });

let folder: string;
let deb: string;
let tarball: string;
/** What the Debian package puts into a machine's root. */
let root: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmspkg-'));
  await run(['bash', 'scripts/package', folder]);
  const made = await readdir(folder);
  [deb, tarball] = [/\.deb$/, /\.tar\.gz$/].map((kind) =>
    join(
      folder,
      made.find((name) => kind.test(name))!,
    ),
  ) as [string, string];
  root = join(folder, 'root');
  await run(['dpkg', '-x', deb, root]);
  await run(['dpkg', '-e', deb, join(folder, 'control')]);
  await run(['tar', '-C', folder, '-xzf', tarball]);
}, PACK_MS);
afterAll(() => rm(folder, { recursive: true, force: true }), PACK_MS);
jest.setTimeout(PACK_MS);

/** What a command says that fails, and how it ends. */
const failing = (argv: [string, ...string[]]) =>
  run(argv).then(
    () => null,
    (error: unknown) =>
      isVmshadowError(error) ? `${String(error.details['exitCode'])}: ${error.message}` : null,
  );

it('gives a command that runs with the Node that is in the package', async () => {
  const bare = ['env', '-i', 'PATH=/usr/bin:/bin'] as const;
  const name = tarball.replace(/\.tar\.gz$/, '');
  for (const command of [join(root, 'usr/bin/vmshadow'), join(name, 'bin/vmshadow')]) {
    expect(await run([...bare, command, '--help'])).toContain('Usage: vmshadow');
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect((await run([...bare, command, '--version'])).trim()).toBe(version);
  }
});

it.each(['dom0', 'manager', 'proxy'])(
  'gives a unit whose %s starts from the package and asks for its file',
  async (daemon) => {
    const unit = await readFile(join(root, UNITS, `vmshadow-${daemon}.service`), 'utf8');
    const line = /^ExecStart=(\S+) (.*)$/m.exec(unit)!;
    const args = line[2]!.replaceAll('/etc/vmshadow', join(folder, 'nothing')).split(' ');
    expect(await failing([join(root, line[1]!), ...args])).toMatch(/^[1-9]\d?: [^]*nothing\/\w+\.yaml/);
  },
);

it('brings compiled parts that load', async () => {
  const modules = join(root, 'usr/lib/vmshadow/node_modules');
  const load = `for (const name of ['nfqueue', 'koffi', '@temporalio/core-bridge']) require('${modules}/' + name)`;
  await run([join(root, 'usr/lib/vmshadow/bin/node'), '-e', load]);
});

it('is installed, upgraded, removed and purged by dpkg in a Debian that has no more than it depends on', async () => {
  const system = join(folder, 'system');
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))![1]!;
  const depends = /^Depends: (.*)$/m.exec(await readFile(join(folder, 'control', 'control'), 'utf8'))![1]!;
  const include = `--include=${depends.replaceAll(' ', '')}`;
  await run(['mmdebstrap', '--quiet', '--variant=minbase', '--mode=root', include, suite, system]);
  await run(['cp', deb, join(system, 'vmshadow.deb')]);
  const inside = (...argv: string[]) =>
    run(['chroot', system, 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...argv]);
  const kept = ['/var/lib/vmshadow/disks/d', '/etc/vmshadow/dom0.yaml'];
  for (const again of [false, true]) {
    await inside('dpkg', '--install', '/vmshadow.deb');
    expect(await inside('dpkg-query', '--show', '--showformat=${db:Status-Abbrev}', 'vmshadow')).toBe('ii ');
    // Every file as it was packed.
    expect(await inside('dpkg', '--verify', 'vmshadow')).toBe('');
    for (const user of ['vmshadow-qemu', 'vmshadow-manager'])
      expect(await inside('getent', 'passwd', user)).toMatch(/nologin\n?$/);
    expect(await inside('vmshadow', '--help')).toContain('Usage: vmshadow');
    expect(await inside('sh', '-c', 'ls /usr/lib/systemd/system | grep vmshadow')).toMatch(
      /^vmshadow-dom0.service\nvmshadow-manager.service\nvmshadow-proxy.service\n?$/,
    );
    expect(await inside('find', '/etc/systemd', '-name', 'vmshadow*')).toBe('');
    if (!again) for (const path of kept) await inside('install', '-D', '/etc/hostname', path);
  }
  await inside('dpkg', '--remove', 'vmshadow');
  await inside('dpkg', '--purge', 'vmshadow');
  await inside('test', '!', '-e', '/usr/lib/vmshadow', '-a', '!', '-L', '/usr/bin/vmshadow');
  for (const path of kept) await inside('test', '-f', path);
});

it('keeps state and configuration when it is purged', async () => {
  const kept = ['/var/lib/vmshadow/disks/d', '/etc/vmshadow/dom0.yaml'];
  const script = [
    'mount -t tmpfs none /var/lib && mkdir -p /var/lib/vmshadow/disks',
    'mount -t tmpfs none /etc && mkdir -p /etc/vmshadow',
    ...kept.map((path) => `echo kept > ${path}`),
    `sh ${join(folder, 'control', 'postrm')} remove && sh ${join(folder, 'control', 'postrm')} purge`,
    `cat ${kept.join(' ')}`,
  ];
  const said = await run(['unshare', '--mount', 'sh', '-ec', script.join('\n')]);
  expect(said).toMatch(/kept \/var\/lib\/vmshadow[^]*kept\nkept$/);
});
