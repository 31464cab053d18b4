// The demo's world and desktops as data: three sites, two users behind masquerading NATs, two desktops in us-west.
import type { Capacity } from '../../domain/model/capacity.js';
import type { CreateDesktopRequest } from '../../temporal/contract/requests.js';
import type { GuestImage } from '../images/locate.js';
import { bothWays, type WorldSpecInput } from '../net/plan.js';
import type { LabSite } from '../cloud/lab-cloud.js';
import type { DemoOptions } from './options.js';

export interface DemoDesktop {
  readonly id: string;
  readonly user: string;
  readonly app: 'video' | 'text';
  readonly activity: string;
  /** Characters a minute that its user types. */
  readonly typeRate: number;
}

/** A fast typist writes 200 characters a minute. */
export const DESKTOPS: readonly DemoDesktop[] = [
  { id: 'video', user: 'alice', app: 'video', activity: 'plays a video', typeRate: 0 },
  { id: 'text', user: 'bob', app: 'text', activity: 'somebody types', typeRate: 200 },
];

/** Between the coasts, as the paper's two sites. */
const COAST_TO_COAST_RTT_MS = 80;
const CENTRAL_RTT_MS = 60;
/** The users' access lines. */
const HOME_MBPS = 100;

/** Sites, homes and links. */
export function demoWorld(options: DemoOptions, prefix: string): WorldSpecInput {
  const users = DESKTOPS.map((d) => d.user);
  const { wanMbps, rttWestMs, rttEastMs } = options;
  return {
    prefix,
    sites: ['us-west', 'us-east', 'us-central'].map((id) => ({ id })),
    users: users.map((id) => ({ id })),
    links: [
      ...bothWays('us-west', 'us-east', COAST_TO_COAST_RTT_MS, wanMbps),
      ...bothWays('us-west', 'us-central', CENTRAL_RTT_MS, wanMbps),
      ...bothWays('us-east', 'us-central', CENTRAL_RTT_MS, wanMbps),
      ...users.flatMap((u) => [
        ...bothWays('us-west', u, rttWestMs, HOME_MBPS),
        ...bothWays('us-east', u, rttEastMs, HOME_MBPS),
        ...bothWays('us-central', u, CENTRAL_RTT_MS, HOME_MBPS),
      ]),
    ],
  };
}

/** Room for more than the demo's desktops everywhere, so that the decision is not forced by capacity. */
export function demoSites(options: DemoOptions): LabSite[] {
  const capacity: Capacity = {
    slots: 4,
    vcpus: 8,
    memoryMiB: options.memoryMiB * 4,
    diskMiB: options.diskMiB * 4,
  };
  return [
    { id: 'us-west', kind: 'regional', capacity },
    { id: 'us-east', kind: 'regional', capacity },
    { id: 'us-central', kind: 'global', capacity },
  ];
}

/** A short cycle and a short grace time, since people wait. The rest is the operator's default, but for what the options choose. */
export function demoPolicy(options: DemoOptions): unknown {
  return {
    cycleMs: 10_000,
    fingerprint: { mode: options.fingerprint },
    placement: { algorithm: options.algorithm },
    migration: { graceMs: 5_000 },
  };
}

/** What is asked of the loop for a desktop. */
export function demoDesktop(
  desktop: DemoDesktop,
  image: GuestImage,
  disk: string,
  options: DemoOptions,
): Omit<CreateDesktopRequest, 'clients'> {
  return {
    id: desktop.id,
    site: 'us-west',
    image: disk,
    vcpus: 1,
    memoryMiB: options.memoryMiB,
    diskMiB: Math.max(options.diskMiB, Math.ceil(image.diskMiB)),
    boot: {
      kind: 'kernel',
      kernel: image.kernel,
      initrd: image.initrd,
      append: `${image.append} vms.ip={address}/30 vms.gw={gateway} vms.app=${desktop.app}`,
    },
    remoteDesktopPort: 5901,
  };
}
