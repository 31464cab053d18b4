// The cloud as the operator describes it (vmshadow.yaml): sites, hosts, policy, limits. The manager reads it.
import { z } from 'zod';
import { Cidr, Endpoint } from './address.js';
import { Classes } from './constraints.js';
import { HostId, PoolId, SiteId } from './ids.js';
import { Policy } from './policy.js';

export const SiteKind = z.enum(['global', 'regional']);
export type SiteKind = z.infer<typeof SiteKind>;

const HostConfig = z.object({
  id: HostId,
  /** TLS address at which the host's dom0 answers its peers (other hosts). */
  peer: Endpoint,
  /** UDP address that answers RTT probes; usually the same machine. */
  probe: Endpoint,
  /** What desktops may require: a licence, a kind of GPU. */
  provides: Classes.optional(),
});
type HostConfig = z.infer<typeof HostConfig>;

const SiteConfig = z.object({
  id: SiteId,
  kind: SiteKind,
  hosts: z.array(HostConfig).min(1),
  /** Degrees; optional, used to choose the k nearest sites of a user by geography. */
  latitude: z.number().min(-90).max(90).optional(),
  longitude: z.number().min(-180).max(180).optional(),
  /** What each of its hosts provides. */
  provides: Classes.optional(),
});
type SiteConfig = z.infer<typeof SiteConfig>;

/** How much may go on at the same time. */
export const Limits = z.object({
  movesInAll: z.number().int().min(1).default(4),
  movesPerHost: z.number().int().min(1).default(1),
  /** Cap of one move (disk + memory), megabits per second on the wire. */
  moveMbps: z.number().positive().default(60),
});
export type Limits = z.infer<typeof Limits>;

export const DEFAULT_INTERNAL_RANGE = '10.77.0.0/16';

export const CloudConfig = z
  .object({
    pool: PoolId.default(PoolId.parse('main')),
    sites: z.array(SiteConfig).min(1),
    /** Desktops get a /30 each out of this range; it is used inside the hosts only. */
    internalRange: Cidr.default(DEFAULT_INTERNAL_RANGE),
    /** MMDB file on the manager's machine that places users by their address; with it, only the policy's k nearest sites are planned with. */
    geoDatabase: z.string().min(1).optional(),
    policy: Policy.prefault({}),
    limits: Limits.prefault({}),
  })
  .superRefine((cloud, ctx) => {
    const seen = new Set<string>();
    cloud.sites.forEach((site, i) => {
      if (seen.has(site.id))
        ctx.addIssue({ code: 'custom', path: ['sites', i, 'id'], message: `site ${site.id} is named twice` });
      seen.add(site.id);
      const hosts = new Set<string>();
      site.hosts.forEach((host, j) => {
        if (hosts.has(host.id))
          ctx.addIssue({
            code: 'custom',
            path: ['sites', i, 'hosts', j, 'id'],
            message: `host ${host.id} is named twice in ${site.id}`,
          });
        hosts.add(host.id);
      });
    });
  });
export type CloudConfig = z.infer<typeof CloudConfig>;
