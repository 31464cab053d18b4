// Sizes of desktops, shares of sites, and who sits where at the start of a benchmark cloud.
import type { PlanHost } from '../../domain/placement/request/model.js';

const FLAVOURS = [
  { share: 0.35, vcpu: 1, memoryGB: 2, diskGB: 20 },
  { share: 0.3, vcpu: 2, memoryGB: 4, diskGB: 40 },
  { share: 0.2, vcpu: 2, memoryGB: 8, diskGB: 40 },
  { share: 0.1, vcpu: 4, memoryGB: 16, diskGB: 80 },
  { share: 0.05, vcpu: 8, memoryGB: 32, diskGB: 120 },
];
/** A host of a desktop cloud: two sockets, 256 GB. */
const HOST = { vcpu: 96, memoryGB: 256, diskGB: 2_400 };

/** Sizes of the desktops: five flavours where resources count, else 1 to 15 GB of disk and 1 GB of memory. */
export function sizesOf(n: number, resources: boolean, random: () => number) {
  return Array.from({ length: n }, () => {
    if (!resources) return { vcpu: 1, memoryGB: 1, diskGB: 1 + Math.floor(random() * 15) };
    let x = random();
    const flavour = FLAVOURS.find((f) => (x -= f.share) < 0) ?? FLAVOURS[0]!;
    return {
      vcpu: flavour.vcpu,
      memoryGB: flavour.memoryGB,
      diskGB: Math.round(flavour.diskGB * (0.7 + 0.6 * random())),
    };
  });
}

/** Shares of the whole: half to the global sites, the rest uneven. */
export function sharesOf(l: number, random: () => number): number[] {
  const globals = Math.min(3, Math.max(1, l - 1));
  const weights = Array.from({ length: l }, (_, j) => (j < globals ? 0 : 0.5 + random()));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w, j) => (j < globals ? (l > globals ? 0.5 : 1) / globals : (0.5 * w) / sum));
}

/** Where everybody is: site, and host where sites have them. */
export interface Seats {
  readonly site: readonly number[];
  readonly host?: readonly string[];
  readonly hosts?: readonly PlanHost[][];
}

/** Fill slots at random. */
export function seatInSlots(slots: readonly number[], n: number, random: () => number): Seats {
  const places = slots.flatMap((s, j) => new Array<number>(s).fill(j));
  for (let k = places.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [places[k], places[other]] = [places[other]!, places[k]!];
  }
  return { site: places.slice(0, n) };
}

/** As many hosts a site as its share of the demand needs, then the largest desktops first to random sites with room. */
export function seatOnHosts(
  shares: readonly number[],
  sizes: readonly { vcpu: number; memoryGB: number; diskGB: number }[],
  slack: number,
  random: () => number,
): Seats {
  const keys = ['vcpu', 'memoryGB', 'diskGB'] as const;
  const demand = keys.map((k) => sizes.reduce((sum, s) => sum + s[k], 0) * (1 + slack));
  const hosts = shares.map((share): PlanHost[] => {
    const need = Math.max(...keys.map((k, x) => (share * demand[x]!) / HOST[k]));
    const count = Math.max(1, Math.round(need));
    // Each site's machines are scaled to its share exactly, so that the slack is what the shape says.
    return Array.from({ length: count }, (_, h) => ({
      id: `h${h}`,
      vcpu: Math.max(10, (share * demand[0]!) / count),
      memoryGB: Math.max(40, (share * demand[1]!) / count),
      diskGB: Math.max(160, (share * demand[2]!) / count),
    }));
  });
  const left = hosts.map((list) => list.map((h) => ({ ...h })));
  const site = new Array<number>(sizes.length).fill(0);
  const host = new Array<string>(sizes.length).fill('');
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]!.memoryGB - sizes[a]!.memoryGB || a - b);
  for (const i of order) {
    const size = sizes[i]!;
    const room = (h: PlanHost) => keys.every((k) => h[k]! >= size[k]);
    // Sites by their share: uniform ones would fill the small sites with the largest desktops.
    let x = random();
    const start = Math.max(
      0,
      shares.findIndex((share) => (x -= share) < 0),
    );
    const found = Array.from({ length: hosts.length }, (_, k) => (start + k) % hosts.length).find((j) =>
      left[j]!.some(room),
    );
    if (found === undefined)
      throw new Error('the benchmark cloud has no room for its desktops: raise the slack');
    // The emptiest host: the large desktops must not crowd on the first ones.
    const h = left[found]!.filter(room).reduce((a, b) => (b.memoryGB! > a.memoryGB! ? b : a));
    for (const k of keys) h[k]! -= size[k];
    site[i] = found;
    host[i] = h.id;
  }
  return { site, host, hosts };
}
