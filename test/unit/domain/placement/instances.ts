// Random plan inputs from a seed, and a checker that replays a plan and finds any moment at which a site or host is too full.
import { randomFrom } from '../../../../lab/random.js';
import { REFERENCE_RTTS_MS } from '../../../../domain/fingerprint/model.js';
import type {
  PlanDesktop,
  PlanInput,
  PlanRequest,
  PlanResult,
} from '../../../../domain/placement/request/model.js';
import { PlanInput as PlanInputSchema } from '../../../../domain/placement/request/model.js';

export { randomFrom };

export interface Shape {
  readonly desktops: number;
  readonly sites: number;
  /** Free slots over all sites as a share of the desktops; 0: every site is full. */
  readonly slack: number;
  /** Whole-numbered RTTs and few ranks, so that many desktops tie. */
  readonly ties?: boolean;
  /** Share of (desktop, site) pairs without a known RTT. */
  readonly missing?: number;
  readonly locked?: number;
  readonly hosts?: boolean;
  /** Share of desktops that are on their way to another site, with room held there. */
  readonly underWay?: number;
  /** Half of the desktops feel distance in their own way. */
  readonly felt?: boolean;
  readonly policy?: PlanRequest['policy'];
}

function feltCurve(random: () => number): number[] {
  let felt = 1;
  return REFERENCE_RTTS_MS.map(() => (felt += random() < 0.4 ? 0 : random() * 40));
}

/** Make an input whose present state is within capacity. */
export function randomInput(seed: number, shape: Shape): PlanInput {
  const random = randomFrom(seed);
  const { desktops: n, sites: l, ties = false } = shape;
  const pick = (k: number) => Math.floor(random() * k);
  const feltRandom = randomFrom(seed + 1);
  const slots = new Array<number>(l).fill(0);
  const at = Array.from({ length: n }, () => pick(l));
  for (const j of at) slots[j]!++;
  for (let extra = Math.round(n * shape.slack); extra > 0; extra--) slots[pick(l)]!++;
  const sites = slots.map((s, j) => ({
    id: `s${j}`,
    kind: j < Math.max(1, Math.round(l / 5)) ? ('global' as const) : ('regional' as const),
    slots: s,
  }));
  const desktops = at.map((j, i) => {
    const rttMs: Record<string, number> = {};
    for (let k = 0; k < l; k++)
      if (random() >= (shape.missing ?? 0) || (k === j && random() < 0.95))
        rttMs[`s${k}`] = ties ? 10 * pick(6) : 1 + random() * 299;
    return {
      id: `d${i}`,
      rank: ties ? pick(5) / 4 : random(),
      site: `s${j}`,
      memoryGB: ties ? 1 + pick(2) : 0.5 + random() * 8,
      diskGB: ties ? 10 : 1 + random() * 40,
      vcpu: 1 + pick(4),
      memoryDirtyMbps: random() < 0.3 ? random() * 40 : 0,
      diskDirtyMbps: random() < 0.3 ? random() * 20 : 0,
      rttMs,
      ...(shape.felt === true && i % 2 === 0 ? { feltRttMs: feltCurve(feltRandom) } : {}),
      ...(random() < (shape.locked ?? 0) ? { lockedUntilMs: 10_000 } : {}),
      ...(random() < 0.05 ? { reclaimable: random() < 0.5 } : {}),
    };
  });
  const reservations = desktops.flatMap((d) => {
    if (random() >= (shape.underWay ?? 0)) return [];
    const to = sites[pick(l)]!;
    to.slots++;
    return [{ desktop: d.id, site: to.id, memoryGB: d.memoryGB, diskGB: d.diskGB, vcpu: d.vcpu }];
  });
  const request: PlanRequest = {
    reservations: shape.hosts === true ? [] : reservations,
    sites: shape.hosts === true ? sites.map((s) => withHosts(s, desktops, random)) : sites,
    desktops,
    policy: shape.policy ?? {},
    nowMs: 0,
  };
  return PlanInputSchema.parse(request);
}

type Resident = Pick<PlanDesktop, 'site' | 'memoryGB' | 'diskGB'> & { vcpu: number; host?: string };

/** Give a site one to three hosts, seat its residents on them at random, and make the hosts a little larger than what they hold. */
function withHosts<S extends { id: string; slots: number }>(
  site: S,
  desktops: Resident[],
  random: () => number,
) {
  const hosts = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, h) => ({
    id: `h${h}`,
    vcpu: 0,
    memoryGB: 0,
    diskGB: 0,
  }));
  for (const d of desktops.filter((x) => x.site === site.id)) {
    const host = hosts[Math.floor(random() * hosts.length)]!;
    d.host = host.id;
    host.vcpu += d.vcpu;
    host.memoryGB += d.memoryGB;
    host.diskGB += d.diskGB;
  }
  for (const host of hosts) {
    host.vcpu += Math.floor(random() * 6);
    host.memoryGB += random() * 12;
    host.diskGB += random() * 60;
  }
  return { ...site, slots: site.slots + 1, hosts };
}

/**
 * Replay a plan wave by wave; lists every moment at which a slot count or a host's room is exceeded (where a tolerant caller's cloud is
 * over-full from the start: by more than it was), and every move that does not follow on.
 */
export function violations(input: PlanInput, plan: PlanResult): string[] {
  const found: string[] = [];
  const where = new Map(input.desktops.map((d) => [d.id, { site: d.site, host: d.host }]));
  const sizeOf = new Map<string, Pick<PlanDesktop, 'vcpu' | 'memoryGB' | 'diskGB'>>([
    ...input.reservations.map((r) => [r.desktop, r] as const),
    ...input.desktops.map((d) => [d.id, d] as const),
  ]);
  const sites = new Map(input.sites.map((s) => [s.id, s]));
  const last = Math.max(0, ...plan.moves.map((m) => m.wave));
  const reserved = input.reservations.map((r) => ({ desktop: r.desktop, site: r.site, host: r.host }));
  const use = (held: Iterable<{ desktop: string; site: string; host: string | undefined }>) => {
    const sums = new Map<string, { slots: number; vcpu: number; memoryGB: number; diskGB: number }>();
    const counted = new Set<string>();
    for (const h of held)
      for (const key of [JSON.stringify([h.site]), JSON.stringify([h.site, h.host ?? null])]) {
        // On its way between two hosts of a site a desktop takes room on both, and one slot of the site.
        const twice = `${key} ${h.desktop}`;
        if (counted.has(twice)) continue;
        counted.add(twice);
        const u = sums.get(key) ?? { slots: 0, vcpu: 0, memoryGB: 0, diskGB: 0 };
        const d = sizeOf.get(h.desktop)!;
        sums.set(key, {
          slots: u.slots + 1,
          vcpu: u.vcpu + d.vcpu,
          memoryGB: u.memoryGB + d.memoryGB,
          diskGB: u.diskGB + d.diskGB,
        });
      }
    return sums;
  };
  const residents = () => [...where].map(([desktop, at]) => ({ desktop, ...at }));
  const before = use([...residents(), ...reserved]);
  for (let wave = 1; wave <= last; wave++) {
    const moves = plan.moves.filter((m) => m.wave === wave);
    for (const m of moves) {
      const at = where.get(m.desktop)!;
      if (at.site !== m.from) found.push(`wave ${wave}: ${m.desktop} is at ${at.site}, not at ${m.from}`);
      if (at.host !== undefined && m.fromHost !== undefined && at.host !== m.fromHost)
        found.push(`wave ${wave}: ${m.desktop} is on ${at.host}, not on ${m.fromHost}`);
      if (reserved.some((r) => r.desktop === m.desktop))
        found.push(`${m.desktop} is moved while it is under way`);
    }
    const arriving = moves.map((m) => ({ desktop: m.desktop, site: m.to, host: m.toHost }));
    for (const [key, u] of use([...residents(), ...arriving, ...reserved])) {
      const [siteId, hostId] = JSON.parse(key) as [string, (string | null)?];
      const site = sites.get(siteId)!;
      const room = hostId === undefined ? { slots: site.slots } : site.hosts?.find((h) => h.id === hostId);
      for (const k of ['slots', 'vcpu', 'memoryGB', 'diskGB'] as const) {
        const most = Math.max(
          (room as Partial<typeof u> | undefined)?.[k] ?? Infinity,
          before.get(key)?.[k] ?? 0,
        );
        if (u[k] > most * (1 + 1e-12) + 1e-6)
          found.push(`during wave ${wave}: ${key} ${k} ${u[k]} of ${most}`);
      }
    }
    for (const m of moves) where.set(m.desktop, { site: m.to, host: m.toHost });
  }
  return found;
}

/** Lists what a plan moves beyond its policy's budgets, parking included. */
export function budgetFaults(input: PlanInput, plan: PlanResult): string[] {
  const { budgetGB = Infinity, maxMoves = Infinity } = input.policy;
  const gb = plan.moves.reduce((sum, m) => sum + m.cost, 0);
  return [
    ...(gb > budgetGB + 1e-6 ? [`${gb} GB of ${budgetGB}`] : []),
    ...(plan.moves.length > maxMoves ? [`${plan.moves.length} moves of ${maxMoves}`] : []),
  ];
}
