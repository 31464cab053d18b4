// What people ask of a plan beside its objective: how many users are far from their desktop before and after it, who is worst off, what
// crosses each WAN link for how long, and what each kind of constraint costs.
import type { PlanFigures, PlanInput, PlanMove } from './request/model.js';
import { compileProblem, objectiveOf, prizesOf, rttOf, type Problem } from './request/problem.js';
import { solveExact } from './solvers/exact.js';

/** Round trips, ms, above which users are counted: typing is felt from about 40 on, every click from 80, 150 is hard to work with. */
const THRESHOLDS_MS = [40, 80, 150] as const;
/** Pairs of desktop and site up to which constraints are priced: each kind takes one more solve. */
const PRICED_PAIRS = 200_000;

/** Sum up a plan's moves; `thinOut` as the plan's problem was compiled. */
export function figuresOf(
  p: Problem,
  moves: readonly PlanMove[],
  input: PlanInput,
  thinOut: boolean,
): PlanFigures {
  const last = new Map(moves.map((m) => [m.desktop, m.rttAfterMs]));
  const users = p.desktops.flatMap((d, i) => {
    const before = rttOf(p, i, p.current[i] as number);
    return before === Infinity ? [] : [{ desktop: d.id, before, after: last.get(d.id) ?? before }];
  });
  const [first] = users;
  const worst = (when: 'before' | 'after', start: (typeof users)[number]) => {
    const most = users.reduce((best, u) => (u[when] > best[when] ? u : best), start);
    return { desktop: most.desktop, rttMs: most[when] };
  };
  return {
    users: users.length,
    above: THRESHOLDS_MS.map((ms) => ({
      rttMs: ms,
      before: users.filter((u) => u.before > ms).length,
      after: users.filter((u) => u.after > ms).length,
    })),
    ...(first === undefined
      ? {}
      : { worst: { before: worst('before', first), after: worst('after', first) } }),
    links: linksOf(moves, p.policy.linkMbps),
    constraints: p.desktopCount * p.siteCount <= PRICED_PAIRS ? pricesOf(input, p, thinOut) : [],
  };
}

function linksOf(moves: readonly PlanMove[], linkMbps: number): PlanFigures['links'] {
  const links = new Map<string, PlanFigures['links'][number]>();
  for (const { from, to, cost } of moves) {
    if (from === to) continue;
    const key = JSON.stringify([from, to]);
    const link = links.get(key) ?? { from, to, moves: 0, gigabytes: 0, hours: 0 };
    const gigabytes = link.gigabytes + cost;
    links.set(key, {
      ...link,
      moves: link.moves + 1,
      gigabytes,
      // One move after another, each at the bandwidth of one.
      hours: (gigabytes * 8_000) / linkMbps / 3_600,
    });
  }
  return [...links.values()].sort((a, b) => b.gigabytes - a.gigabytes);
}

/** Each kind of constraint, and the input as it would be without it. */
const WITHOUT: Readonly<Record<string, (input: PlanInput) => PlanInput>> = {
  pinned: (input) => ({ ...input, desktops: input.desktops.map((d) => ({ ...d, pinned: undefined })) }),
  'data residency': (input) => ({
    ...input,
    desktops: input.desktops.map((d) => ({ ...d, allowedSites: undefined, forbiddenSites: undefined })),
  }),
  'classes and unfit hosts': (input) => ({
    ...input,
    desktops: input.desktops.map((d) => ({ ...d, requires: undefined, unfitHosts: undefined })),
  }),
  'sites and hosts to be emptied': (input) => ({
    ...input,
    sites: input.sites.map((s) => ({
      ...s,
      draining: undefined,
      slots: Math.max(s.slots, input.desktops.filter((d) => d.site === s.id).length),
      hosts: s.hosts?.map((h) => ({ ...h, draining: undefined })),
    })),
  }),
};

/** The gain of the slot optimum, ms, without the prizes for leaving. */
function optimum(input: PlanInput, nowMs: number, thinOut: boolean): number {
  const p = compileProblem(input, nowMs, thinOut);
  const prices = { msPerGB: p.policy.msPerGB, msPerMove: p.policy.minGainMs };
  const { assignment } = solveExact(p, prices);
  return objectiveOf(p, assignment) - prizesOf(p, assignment);
}

/** Gain that plans of slots would have more without each kind of constraint; kinds that cost nothing are left out. */
function pricesOf(input: PlanInput, p: Problem, thinOut: boolean): PlanFigures['constraints'] {
  const { nowMs } = p;
  const text = JSON.stringify(input);
  const kinds = Object.entries(WITHOUT).filter(([, without]) => JSON.stringify(without(input)) !== text);
  if (kinds.length === 0) return [];
  const withAll = optimum(input, nowMs, thinOut);
  return kinds
    .map(([constraint, without]) => ({
      constraint,
      costsMs: optimum(without(input), nowMs, thinOut) - withAll,
    }))
    .filter((c) => c.costsMs > 1e-6)
    .sort((a, b) => b.costsMs - a.costsMs);
}
