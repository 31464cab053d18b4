// Two sites on the lab's WAN with the product's own driver at each, and a real desktop that plays a video: what a move puts on the wire and
// what it costs, phase by phase.
import { chmod, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { HostRef } from '../../domain/model/ids.js';
import type { MoveKey } from '../../ports/hypervisor.js';
import { Layout, copyKeyOf } from '../../drivers/qemu/process/layout.js';
import { createAuthority, issueHost } from '../../drivers/peers/pki.js';
import { desktopImage, guestAppend, imagesFolder } from '../../lab/images/locate.js';
import { ipBatch } from '../../lab/net/commands.js';
import { bothWays } from '../../lab/net/plan.js';
import { World } from '../../lab/net/world.js';
import { VMSHADOW_BIN } from '../../test/support/vmshadow.js';
import { QEMU_USER, TAP } from '../../test/system/qemu/two-hosts.js';
import type { RelayStatus } from '../../transfer/relay/relay.js';
import { askRelay } from '../relay/relay-status.js';
import { makeDisk, type DesktopSize } from './disk.js';
import { RemoteHost } from '../../test/system/qemu/remote-host.js';

export const WAN = { mbps: 60, rttMs: 100 } as const;
const SITES = ['west', 'east'] as const;
export type SiteName = (typeof SITES)[number];
const GATEWAY = '10.77.4.1';
const GUEST = '10.77.4.2';
/** From power-on until the video is on the screen, under software emulation on a busy machine. */
const READY_WITHIN_MS = 300_000;
const VIDEO_MS = 45_000;
const ETHERNET_BYTES = 14;

export class Stage {
  readonly world: World;
  readonly hosts: Readonly<Record<SiteName, RemoteHost>>;
  readonly #folder: string;

  private constructor(world: World, folder: string, hosts: Readonly<Record<SiteName, RemoteHost>>) {
    this.world = world;
    this.#folder = folder;
    this.hosts = hosts;
  }

  static async set(transfer: 'relay' | 'direct'): Promise<Stage> {
    const world = await World.create({
      prefix: 'vmsmig',
      sites: SITES.map((id) => ({ id })),
      links: bothWays('west', 'east', WAN.rttMs, WAN.mbps),
    });
    try {
      const folder = await mkdtemp('/var/tmp/vmsmig-');
      world.alsoRemove(folder);
      // QEMU's user passes through it.
      await chmod(folder, 0o711);
      await createAuthority(join(folder, 'ca'));
      const hosts = {
        west: await host(world, folder, 'west', transfer),
        east: await host(world, folder, 'east', transfer),
      };
      return new Stage(world, folder, hosts);
    } catch (error) {
      await world.destroy();
      throw error;
    }
  }

  /** Make a desktop at the western site, and wait until its video plays. `seed` is what it has on its disk beyond the image. */
  async desktop(id: string, size: DesktopSize, seed: number): Promise<DesktopDefinition> {
    const image = desktopImage();
    const disk = join(this.#folder, `${id}.raw`);
    await makeDisk(image, disk, size, seed);
    const network = { address: GUEST, gateway: GATEWAY };
    const definition = DesktopDefinition.parse({
      id,
      memoryMiB: size.memoryMiB,
      diskMiB: size.diskMiB,
      boot: {
        kind: 'kernel',
        kernel: image.kernel,
        initrd: image.initrd,
        append: guestAppend(image, network, { 'vms.app': 'video' }),
      },
      network: { ...network, mac: '52:54:00:77:04:02' },
    });
    const { driver, options } = this.hosts.west;
    await driver.create(definition, TAP, disk);
    await rm(disk, { force: true });
    await driver.start(definition.id);
    const logs = join(options.stateDir, 'logs');
    for (const end = Date.now() + READY_WITHIN_MS; ;) {
      const files = (await readdir(logs)).filter((name) => name.startsWith(id) && name.includes('serial'));
      const texts = await Promise.all(files.map((name) => readFile(join(logs, name), 'utf8')));
      if (texts.some((text) => text.includes('vms: READY'))) break;
      if (Date.now() > end) throw new Error(`the desktop did not come up: ${texts.join('').slice(-300)}`);
      await sleep(500);
    }
    await sleep(VIDEO_MS);
    return definition;
  }

  /** IP bytes that have left a site so far, by the counters of its uplink. */
  async sent(site: SiteName): Promise<number> {
    const { txBytes, txPackets } = await this.world.counters(site);
    return txBytes - txPackets * ETHERNET_BYTES;
  }

  /** What a site's relay of a move tells. */
  relayStatus(site: SiteName, move: MoveKey): Promise<RelayStatus> {
    const { stateDir, runDir } = this.hosts[site].options;
    return askRelay(new Layout(stateDir, runDir).relay(move.desktop, copyKeyOf(move)).status);
  }

  /** Files of a host: processes that name them are its own. */
  folderOf(site: SiteName): string {
    return join(this.#folder, site);
  }

  async strike(): Promise<void> {
    await Promise.all(SITES.map((site) => this.hosts[site].kill()));
    await this.world.destroy();
  }
}

async function host(
  world: World,
  folder: string,
  site: SiteName,
  transfer: 'relay' | 'direct',
): Promise<RemoteHost> {
  const { namespace, address } = world.host(site);
  const ref = HostRef.parse({ site, host: 'h1' });
  const pki = join(folder, `pki-${site}`);
  await issueHost(join(folder, 'ca'), { ...ref, addresses: [address] }, pki);
  await ipBatch(
    [`tuntap add ${TAP} mode tap`, `addr add ${GATEWAY}/30 dev ${TAP}`, `link set ${TAP} up`],
    namespace,
  );
  await mkdir(join(folder, site), { mode: 0o711 });
  return new RemoteHost(namespace, ref, {
    stateDir: join(folder, site, 'state'),
    runDir: join(folder, site, 'r'),
    imageDir: join(folder, 'images'),
    images: [imagesFolder(), folder],
    accel: 'tcg',
    runAs: QEMU_USER,
    pki: { dir: pki },
    incoming: { address, ports: { first: 15800, last: 15819 } },
    relay: {
      command: [process.execPath, VMSHADOW_BIN, 'relay'],
      wanted: transfer === 'relay',
      cacheMiB: 4_096,
    },
  });
}
