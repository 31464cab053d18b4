// What commands print of a machine's network, read into facts. Pure.
import { z } from 'zod';
import type { DefaultRoute, NetworkDevice } from '../../domain/machine/facts.js';
import { HANDLE } from '../uplink/rate-cap.js';

const Links = z.array(
  z.looseObject({
    ifname: z.string(),
    flags: z.array(z.string()).default([]),
    addr_info: z
      .array(z.looseObject({ family: z.string(), local: z.string().optional(), prefixlen: z.number() }))
      .default([]),
  }),
);

/** Read `ip -j addr show`. */
export function parseDevices(json: string): NetworkDevice[] {
  return Links.parse(JSON.parse(json)).map(({ ifname, flags, addr_info }) => ({
    name: ifname,
    up: flags.includes('UP'),
    addresses: addr_info.flatMap(({ family, local, prefixlen }) =>
      family === 'inet' && local !== undefined ? [`${local}/${String(prefixlen)}`] : [],
    ),
  }));
}

const Routes = z.array(
  z.looseObject({
    dst: z.string(),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    metric: z.number().default(0),
    nexthops: z.array(z.looseObject({ dev: z.string(), gateway: z.string().optional() })).default([]),
  }),
);

/** Read `ip -j -4 route show default`; the one of the lowest metric first. */
export function parseDefaultRoutes(json: string): DefaultRoute[] {
  return Routes.parse(JSON.parse(json.trim() === '' ? '[]' : json))
    .filter((r) => r.dst === 'default')
    .flatMap((r) => {
      const hops = r.dev === undefined ? r.nexthops : [{ dev: r.dev, gateway: r.gateway }];
      return hops.map(({ dev, gateway }) => ({ device: dev, gateway: gateway ?? null, metric: r.metric }));
    })
    .toSorted((a, b) => a.metric - b.metric);
}

const Qdiscs = z.array(
  z.looseObject({ kind: z.string(), handle: z.string(), dev: z.string(), root: z.boolean().optional() }),
);
/** The kernel's own has no handle. */
const NOT_FOREIGN = ['0:', HANDLE];

/** Read `tc -j qdisc show`: devices whose root qdisc somebody has set up who is not us, with its kind. */
export function parseForeignQdiscs(json: string): Record<string, string> {
  return Object.fromEntries(
    Qdiscs.parse(JSON.parse(json))
      .filter((q) => q.root === true && !NOT_FOREIGN.includes(q.handle))
      .map((q) => [q.dev, q.kind]),
  );
}
