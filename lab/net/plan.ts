// The lab's world as data: who is in it (spec), and every name and address that follows from it (plan). Pure.
//
//   client -- NAT -- [ core = the WAN ] -- host -- desktops      control ==(management bridge)== hosts
//
import { z } from 'zod';
import { addressAt } from '../../domain/model/address.js';
import { parseInput } from '../../domain/model/parse.js';

/** A /24 a site, a /30 a host. */
const UPLINKS = '10.200.0.0/16';
/** A /30 a home. */
const NATS = '203.0.113.0/24';
/** A /24 a home. */
const HOMES = '192.168.0.0/16';
const MANAGEMENT = '10.255.0.0/16';
/** Of desktops: a /24 a site, a /27 a host, routed to it (RFC 2544's range). */
const EXTERNALS = '198.18.0.0/16';

/** Lab names go into namespace names, which iproute2 uses as file names. */
const label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, "1 to 32 of a-z, 0-9 and '-', not at the ends");

export const LinkSpec = z.object({
  from: label,
  to: label,
  /** One-way propagation delay, milliseconds. */
  delayMs: z.number().min(0).max(10_000),
  /** Megabits per second; null: not shaped. */
  rateMbps: z.number().positive().max(10_000).nullable().default(null),
});
export type LinkSpec = z.infer<typeof LinkSpec>;

export const WorldSpec = z
  .object({
    /** Starts the name of every namespace of this world; what is found with it is taken for leftovers of an earlier run. */
    prefix: z.string().regex(/^[a-z][a-z0-9]{1,15}$/, 'a prefix must be 2 to 16 of a-z and 0-9'),
    sites: z
      .array(z.object({ id: label, hosts: z.array(label).min(1).max(8).default(['h1']) }))
      .min(1)
      .max(200),
    users: z
      .array(z.object({ id: label }))
      .max(60)
      .default([]),
    /** Each holds in its direction only; both directions: `bothWays`. Pairs that are not named: no delay, not shaped. */
    links: z.array(LinkSpec).default([]),
  })
  .superRefine((spec, ctx) => {
    const ends = [...spec.sites, ...spec.users].map((end) => end.id);
    if (new Set(ends).size !== ends.length)
      ctx.addIssue({ code: 'custom', message: 'sites and users must all have different ids' });
    spec.links.forEach((link, i) => {
      for (const end of [link.from, link.to])
        if (!ends.includes(end))
          ctx.addIssue({ code: 'custom', path: ['links', i], message: `${end} is no site and no user` });
    });
  });
export type WorldSpec = z.infer<typeof WorldSpec>;
export type WorldSpecInput = z.input<typeof WorldSpec>;

/** The same link in both directions; `rttMs` is split in halves. */
export function bothWays(
  a: string,
  b: string,
  rttMs: number,
  rateMbps: number | null = null,
): [LinkSpec, LinkSpec] {
  const half = { delayMs: rttMs / 2, rateMbps };
  return [
    { from: a, to: b, ...half },
    { from: b, to: a, ...half },
  ];
}

/** A namespace with one leg in the core: a host, or the NAT of a home. */
export interface Attachment {
  /** Site or user id: what delays and rates are given for. */
  readonly end: string;
  /** `us-west/h1` or `alice`: what a cut may name. */
  readonly name: string;
  readonly namespace: string;
  /** Device in the namespace, and its address. */
  readonly device: string;
  readonly address: string;
  /** Device in the core, and its address: the namespace's gateway. */
  readonly coreDevice: string;
  readonly coreAddress: string;
}

export interface HostPlan extends Attachment {
  readonly site: string;
  readonly host: string;
  readonly managementAddress: string;
  /** External addresses of desktops, routed to this host. */
  readonly externalPool: string;
}

export interface UserPlan extends Attachment {
  readonly clientNamespace: string;
  readonly clientAddress: string;
  readonly clientGateway: string;
}

export interface WorldPlan {
  readonly prefix: string;
  readonly coreNamespace: string;
  readonly controlNamespace: string;
  /** Where Temporal and the manager listen: hosts reach it over the management bridge. */
  readonly controlAddress: string;
  readonly hosts: readonly HostPlan[];
  readonly users: readonly UserPlan[];
}

/** Prefix length of uplinks: two addresses each. */
export const UPLINK_PREFIX = 30;
export const MANAGEMENT_PREFIX = 16;
export const HOME_PREFIX = 24;

/** Work out all names and addresses of a world; the same spec gives the same plan. */
export function planWorld(input: WorldSpecInput): { spec: WorldSpec; plan: WorldPlan } {
  const spec = parseInput(WorldSpec, input, 'the lab world');
  let leg = 0;
  const hosts = spec.sites.flatMap((site, s) =>
    site.hosts.map((host, h): HostPlan => {
      return {
        end: site.id,
        name: `${site.id}/${host}`,
        namespace: `${spec.prefix}-${site.id}-${host}`,
        device: 'up0',
        address: addressAt(UPLINKS, 256 * s + 4 * h + 2),
        coreDevice: `c${String(leg++)}`,
        coreAddress: addressAt(UPLINKS, 256 * s + 4 * h + 1),
        site: site.id,
        host,
        // .1 is the control namespace; hosts are counted over all sites.
        managementAddress: addressAt(MANAGEMENT, leg + 1),
        externalPool: `${addressAt(EXTERNALS, 256 * s + 32 * h)}/27`,
      };
    }),
  );
  const users = spec.users.map((user, u): UserPlan => ({
    end: user.id,
    name: user.id,
    namespace: `${spec.prefix}-nat-${user.id}`,
    device: 'wan0',
    address: addressAt(NATS, 4 * u + 2),
    coreDevice: `c${String(leg++)}`,
    coreAddress: addressAt(NATS, 4 * u + 1),
    clientNamespace: `${spec.prefix}-client-${user.id}`,
    clientAddress: addressAt(HOMES, 256 * (u + 1) + 2),
    clientGateway: addressAt(HOMES, 256 * (u + 1) + 1),
  }));
  const plan = {
    prefix: spec.prefix,
    coreNamespace: `${spec.prefix}-core`,
    controlNamespace: `${spec.prefix}-control`,
    controlAddress: addressAt(MANAGEMENT, 1),
    hosts,
    users,
  };
  return { spec, plan };
}
