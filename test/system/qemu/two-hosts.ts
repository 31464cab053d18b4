// Two hosts for the tests: network namespaces joined by one cable, a tap with the desktop's gateway in each, certificates of one cloud.
// Everything that it makes is named after one prefix and this process, and `remove` takes all of it away, also after a failure.
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MoveKey } from '../../../ports/hypervisor.js';
import type { Endpoint } from '../../../domain/model/address.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { HostRef } from '../../../domain/model/ids.js';
import { guestAppend, imagesFolder, smallGuest } from '../../../lab/images/locate.js';
import { createAuthority, issueHost } from '../../../drivers/peers/pki.js';
import { processStart } from '../../../lab/net/commands.js';
import { runCommand } from '../../../os/run-command.js';
import { bringDisk, bringMemory, type MoveEnds } from '../../compliance/move-steps.js';
import { VMSHADOW_BIN } from '../../support/vmshadow.js';
import { RemoteHost, type GuestStatus } from './remote-host.js';

export const TAP = 'vmsqtap';
/** Nobody's number: the tests need no account. */
export const QEMU_USER = { uid: 2_000_000_001, gid: 2_000_000_001, name: null };
const GATEWAY = '10.77.3.1';
const GUEST = '10.77.3.2';
const ADDRESSES = { a: '10.201.0.1', b: '10.201.0.2' };
/** Fast enough to be done in seconds, slow enough to act in the middle. */
export const MBPS = 1_500;
/** What a driver starts, but for relays. */
const PROGRAMS = ['qemu-system-x86_64', 'qemu-storage-daemon', 'swtpm'] as const;
let worlds = 0;

const refOf = (site: 'a' | 'b'): HostRef => HostRef.parse({ site, host: 'h1' });

/** The same with an agent. */
export function smallDesktopWithAgent(id: string, keys: Record<string, string | number>): DesktopDefinition {
  const image = smallGuest();
  const desktop = smallDesktop(id, { ...keys, 'vms.agent': 1 });
  const boot = { ...desktop.boot, initrd: image.agentInitrd };
  return DesktopDefinition.parse({ ...desktop, boot, guestAgent: true });
}

/** The small guest as a desktop; `keys` are those of its services, e.g. `vms.disk`. */
export function smallDesktop(id: string, keys: Record<string, string | number> = {}): DesktopDefinition {
  const image = smallGuest();
  const network = { address: GUEST, gateway: GATEWAY };
  return DesktopDefinition.parse({
    id,
    memoryMiB: 128,
    diskMiB: image.diskMiB,
    boot: {
      kind: 'kernel',
      kernel: image.kernel,
      initrd: image.initrd,
      append: guestAppend(image, network, keys),
    },
    network: { ...network, mac: '52:54:00:77:03:02' },
  });
}

export class TwoHosts {
  readonly folder: string;
  readonly a: RemoteHost;
  readonly b: RemoteHost;
  readonly #namespaces: readonly [string, string];
  readonly #transfer: 'relay' | 'direct';

  private constructor(
    folder: string,
    namespaces: readonly [string, string],
    transfer: 'relay' | 'direct' = 'direct',
  ) {
    this.folder = folder;
    this.#namespaces = namespaces;
    this.#transfer = transfer;
    this.a = new RemoteHost(namespaces[0], refOf('a'), this.#options('a'));
    this.b = new RemoteHost(namespaces[1], refOf('b'), this.#options('b'));
  }

  static async make(transfer: 'relay' | 'direct' = 'direct'): Promise<TwoHosts> {
    const folder = await mkdtemp(join(tmpdir(), 'vmsq-'));
    // QEMU's user passes through it.
    await chmod(folder, 0o711);
    const tag = `${process.pid}-${worlds++}`;
    const names = [`vmsq-a-${tag}`, `vmsq-b-${tag}`] as const;
    await createAuthority(join(folder, 'ca'));
    for (const site of ['a', 'b'] as const) {
      const pki = join(folder, `pki-${site}`);
      await issueHost(join(folder, 'ca'), { ...refOf(site), addresses: [ADDRESSES[site]] }, pki);
    }
    for (const name of names) await runCommand(['ip', 'netns', 'add', name]);
    const [a, b] = names;
    await runCommand([
      'ip',
      '-n',
      a,
      'link',
      'add',
      'wan',
      'type',
      'veth',
      'peer',
      'name',
      'wan',
      'netns',
      b,
    ]);
    for (const [name, address] of [
      [a, ADDRESSES.a],
      [b, ADDRESSES.b],
    ] as const) {
      await runCommand(['ip', '-n', name, 'tuntap', 'add', 'dev', TAP, 'mode', 'tap']);
      await runCommand(['ip', '-n', name, 'addr', 'add', `${address}/30`, 'dev', 'wan']);
      await runCommand(['ip', '-n', name, 'addr', 'add', `${GATEWAY}/30`, 'dev', TAP]);
      for (const link of ['lo', 'wan', TAP]) await runCommand(['ip', '-n', name, 'link', 'set', link, 'up']);
    }
    return new TwoHosts(folder, names, transfer);
  }

  #options(site: 'a' | 'b'): RemoteHost['options'] {
    return {
      stateDir: join(this.folder, site),
      runDir: join(this.folder, `r${site}`),
      imageDir: join(this.folder, 'images'),
      images: [imagesFolder(), this.folder],
      accel: 'tcg',
      runAs: QEMU_USER,
      pki: { dir: join(this.folder, `pki-${site}`) },
      incoming: { address: ADDRESSES[site], ports: { first: 15800, last: 15819 } },
      relay: {
        command: [process.execPath, VMSHADOW_BIN, 'relay'],
        wanted: this.#transfer === 'relay',
        cacheMiB: 512,
      },
    };
  }

  /** Drop everything between the hosts, in both directions, without telling anybody. */
  async cut(): Promise<void> {
    const chains = ['input iif', 'output oif'].map((chain) => {
      const [hook = '', key = ''] = chain.split(' ');
      return `chain ${hook} {\ntype filter hook ${hook} priority 0\n${key} "wan" drop\n}`;
    });
    for (const name of this.#namespaces) await nft(name, `table inet cut {\n${chains.join('\n')}\n}\n`);
  }

  async mend(): Promise<void> {
    for (const name of this.#namespaces) await nft(name, 'table inet cut {}\ndelete table inet cut\n');
  }

  /** The guest's counters, asked at the host where it should run; waits for a guest that is still booting. */
  async guest(
    host: RemoteHost,
    command: 'status' | 'verify' = 'status',
    timeoutMs = 30_000,
  ): Promise<GuestStatus> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      try {
        return await host.driver.guest(GUEST, command);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  /** Pids of all processes that name this world's folder (or a folder in it) on their command line, by kind. */
  async processes(
    kind: 'qemu-system-x86_64' | 'qemu-storage-daemon' | 'qemu-img' | 'swtpm',
    folder = this.folder,
  ): Promise<number[]> {
    return pidsWhere(
      ([program = '', ...rest]) => basename(program) === kind && rest.some((a) => a.includes(`${folder}/`)),
    );
  }

  /** Pids of a host's relays. */
  async relays(site: 'a' | 'b'): Promise<number[]> {
    const folder = join(this.folder, `r${site}`);
    return pidsWhere((argv) => argv.includes('relay') && argv.some((arg) => arg.startsWith(`${folder}/`)));
  }

  /** Every file and process that a host's driver keeps, in words. */
  async kept(site: 'a' | 'b'): Promise<string[]> {
    const folders = [join(this.folder, site), join(this.folder, `r${site}`)];
    const files = await runCommand(['find', ...folders, '!', '-type', 'd']).catch(() => '');
    const processes = await Promise.all(
      PROGRAMS.map(async (kind) =>
        (await this.processes(kind, join(this.folder, site))).map((pid) => `${kind} ${pid}`),
      ),
    );
    const relays = (await this.relays(site)).map((pid) => `relay ${pid}`);
    return [
      ...files.split('\n').filter((line) => line !== '' && !line.includes('/cache/')),
      ...processes.flat(),
      ...relays,
    ];
  }

  async remove(): Promise<void> {
    await Promise.all([this.a.kill(), this.b.kill()]);
    for (const kind of PROGRAMS) await crash(await this.processes(kind));
    await crash([...(await this.relays('a')), ...(await this.relays('b'))]);
    for (const name of this.#namespaces)
      await runCommand(['ip', 'netns', 'del', name]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The ends of a move between two of the hosts. */
export const ends = (source: RemoteHost, target: RemoteHost, definition: DesktopDefinition): MoveEnds => ({
  source: source.driver,
  target: target.driver,
  definition,
  from: source.self,
  tap: TAP,
  mbps: MBPS,
});

/** Kill processes as a crash would, and wait until they are gone: until then they hold their files and may answer. */
export async function crash(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  while (pids.some((pid) => processStart(pid) !== null)) await sleep(10);
}

/** Bring the disk to the target and keep it synchronous. */
export const copyDisk = (
  source: RemoteHost,
  target: RemoteHost,
  move: MoveKey,
  definition: DesktopDefinition,
): Promise<void> => bringDisk(ends(source, target, definition), move);

/** Begin pre-copy to a fresh copy at the target, and wait until a second round has begun. */
export const copyMemory = (
  source: RemoteHost,
  target: RemoteHost,
  move: MoveKey,
  definition: DesktopDefinition,
): Promise<Endpoint> => bringMemory(ends(source, target, definition), move);

function nft(namespace: string, rules: string): Promise<string> {
  return runCommand(['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], { input: rules });
}

/** Pids of the processes whose command line is such. */
async function pidsWhere(isSuch: (argv: string[]) => boolean): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (isSuch(argv.split('\0'))) found.push(Number(pid));
  }
  return found;
}
