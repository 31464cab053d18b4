// Two sites, a user at home and one small guest that writes to its disk and its memory: all of the product's processes, on real parts.
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { DesktopId } from '../../domain/model/ids.js';
import { LabCloud } from './lab-cloud.js';
import { smallGuest } from '../images/locate.js';
import { prepareDisk } from '../images/prepare-disk.js';
import { Gate } from '../net/gate.js';
import { bothWays } from '../net/plan.js';
import { World } from '../net/world.js';
import { runCommand } from '../../os/run-command.js';
import { askGuest, type GuestStatus } from '../stream/guest-control.js';
import type { DesktopCreated } from '../../temporal/contract/requests.js';

export interface SmallCloudSpec {
  readonly prefix: string;
  /** Between the sites, and the cap of a move. */
  readonly wanMbps: number;
  /** Round trips, ms: between the sites, and from the user to each. */
  readonly rttMs: { readonly sites: number; readonly west: number; readonly east: number };
  readonly policy: unknown;
  /** Give each host's state a file system of its own with so much room, so that it can be filled; `unmount` takes it away. */
  readonly stateMiB?: number;
  /** How long to wait for the hosts at the beginning. */
  readonly readyWithinMs?: number;
}

export interface SmallCloud {
  readonly world: World;
  readonly cloud: LabCloud;
  /** Goes with the world. */
  readonly dir: string;
  readonly created: DesktopCreated;
  /** Take away the file systems of `stateMiB`, before the world is destroyed: it cannot remove a folder that they stand on. */
  readonly unmount: () => Promise<void>;
}

/** The desktop; it is made in us-west. */
export const ID = DesktopId.parse('d1');
const CAPACITY = { slots: 2, vcpus: 4, memoryMiB: 512, diskMiB: 512 };
const SIZES = { memoryMiB: 96, diskMiB: 96 };

/** Build the world and start everything in it; what was begun is removed where that fails. */
export async function startSmallCloud(spec: SmallCloudSpec): Promise<SmallCloud> {
  const { prefix, wanMbps, rttMs, policy, stateMiB, readyWithinMs } = spec;
  const world = await World.create({
    prefix,
    sites: [{ id: 'us-west' }, { id: 'us-east' }],
    users: [{ id: 'alice' }],
    links: [
      ...bothWays('us-west', 'us-east', rttMs.sites, wanMbps),
      ...bothWays('us-west', 'alice', rttMs.west),
      ...bothWays('us-east', 'alice', rttMs.east),
    ],
  });
  const mounted: string[] = [];
  const unmount = () => removeMounts(mounted);
  try {
    const dir = await mkdtemp(`/var/tmp/vmshadow-${prefix}-`);
    const runDir = `/run/${prefix}`;
    for (const path of [dir, runDir]) world.alsoRemove(path);
    if (stateMiB !== undefined)
      for (const { name } of world.plan.hosts) await mountState(join(dir, 'hosts', name), stateMiB, mounted);
    const sites = ['us-west', 'us-east'].map((id) => ({ id, kind: 'regional' as const, capacity: CAPACITY }));
    const cloud = await LabCloud.start({
      world,
      dir,
      runDir,
      sites,
      policy,
      moveMbps: wanMbps,
      ...(readyWithinMs === undefined ? {} : { readyWithinMs }),
    });
    const image = smallGuest();
    const disk = join(dir, 'd1.raw');
    await prepareDisk(image, disk, { diskMiB: SIZES.diskMiB, usedMiB: 40 });
    const { kernel, initrd } = image;
    const keys = 'vms.ip={address}/30 vms.gw={gateway} vms.disk=300:8 vms.dirty=800:8:fill';
    const boot = { kind: 'kernel' as const, kernel, initrd, append: `${image.append} ${keys}` };
    const created = await cloud.createDesktop(
      { id: ID, site: 'us-west', image: disk, ...SIZES, boot },
      'alice',
    );
    return { world, cloud, dir, created, unmount };
  } catch (error) {
    await unmount();
    await world.destroy();
    throw error;
  }
}

/** Processes of a namespace keep the mounts that they began with: before any of the host is started. */
async function mountState(folder: string, mebibytes: number, mounted: string[]): Promise<void> {
  const [file, at] = [join(folder, 'file-system'), join(folder, 'state')] as const;
  await mkdir(at, { recursive: true });
  await runCommand(['truncate', '-s', `${String(mebibytes)}M`, file]);
  await runCommand(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', file]);
  await runCommand(['mount', '-o', 'loop', file, at]);
  mounted.push(at);
}

async function removeMounts(mounted: string[]): Promise<void> {
  for (let at = mounted.pop(); at !== undefined; at = mounted.pop())
    await runCommand(['umount', '--lazy', at]);
}

/** Have the guest look at all that it has written, asked by its user at an external address. */
export async function verifyAt(world: World, external: string): Promise<GuestStatus> {
  const { clientNamespace: namespace } = world.user('alice');
  const gate = await Gate.open(world, { namespace, address: external, port: 7001 });
  try {
    return await askGuest('127.0.0.1', 'verify', gate.port);
  } finally {
    await gate.close();
  }
}
