// What differs between two plans, and why: what has changed in the cloud between them, desktop by desktop, else what the plan itself says.
import type { PlanFigures, PlanResult } from '../request/model.js';
import { changesBetween, type Change, type CloudSnapshot } from './snapshot.js';

/** A plan and the cloud that it was made for. */
export interface PlanOfCloud {
  readonly cloud: CloudSnapshot;
  readonly plan: PlanResult;
}

export interface Route {
  readonly from: string;
  readonly to: string;
}

export interface MoveDifference {
  readonly desktop: string;
  /** `kept`: both move it to the same place; `other`: to another one; `dropped`: only the first one moves it; `new`: only the second. */
  readonly kind: 'kept' | 'other' | 'dropped' | 'new';
  readonly before: Route | null;
  readonly now: Route | null;
  /** What has changed of what it depends on, and what the second plan says. Empty for `kept`. */
  readonly why: readonly string[];
}

/** A figure in both plans. */
interface Figure {
  readonly what: string;
  readonly before: number | null;
  readonly now: number | null;
}

export interface PlanDifference {
  /** True where both plans move the same desktops to the same places. */
  readonly same: boolean;
  readonly changes: readonly Change[];
  readonly moves: readonly MoveDifference[];
  readonly figures: readonly Figure[];
}

/** Compare two plans. */
export function diffPlans(before: PlanOfCloud, now: PlanOfCloud): PlanDifference {
  const changes = changesBetween(before.cloud, now.cloud);
  const about = new Map<string, string[]>();
  for (const { of, name, what } of changes) {
    const key = of === 'host' ? (name.split('/')[0] ?? '') : name;
    const words = of === 'desktop' ? what : `${name} ${what}`;
    const list = about.get(`${of === 'desktop' ? 'd' : 's'} ${key}`) ?? [];
    about.set(`${of === 'desktop' ? 'd' : 's'} ${key}`, [...list, words]);
  }
  const [routes, today] = [routesOf(before.plan), routesOf(now.plan)];
  const reasons = new Map(now.plan.moves.map((m) => [m.desktop, m.reason]));
  const stays = new Map(now.plan.notMoved.map((n) => [n.desktop, n.reason]));
  const moves = [...new Set([...routes.keys(), ...today.keys()])].map((desktop): MoveDifference => {
    const [a, b] = [routes.get(desktop) ?? null, today.get(desktop) ?? null];
    const kind = a === null ? 'new' : b === null ? 'dropped' : a.to === b.to ? 'kept' : 'other';
    if (kind === 'kept') return { desktop, kind, before: a, now: b, why: [] };
    const sites = new Set([a?.from, a?.to, b?.from, b?.to].map((place) => place?.split('/')[0]));
    const said = b === null ? stays.get(desktop) : reasons.get(desktop);
    const why = [
      ...(about.get(`d ${desktop}`) ?? []),
      ...[...sites].flatMap((site) => about.get(`s ${site ?? ''}`) ?? []),
      ...(said === undefined ? [] : [`the plan now: ${said}`]),
    ];
    return { desktop, kind, before: a, now: b, why };
  });
  return {
    same: moves.every((m) => m.kind === 'kept'),
    changes,
    moves,
    figures: figuresBeside(before.plan, now.plan),
  };
}

/** From where to where each desktop goes in the end: stops on the way are none of its differences. */
function routesOf({ moves }: PlanResult): Map<string, Route> {
  const routes = new Map<string, Route>();
  for (const m of moves) {
    const at = (site: string, host: string | undefined) => (host === undefined ? site : `${site}/${host}`);
    const to = at(m.to, m.toHost);
    routes.set(m.desktop, { from: routes.get(m.desktop)?.from ?? at(m.from, m.fromHost), to });
  }
  return routes;
}

function figuresBeside(before: PlanResult, now: PlanResult): Figure[] {
  const figure = (what: string, of: (plan: PlanResult) => number | undefined): Figure => ({
    what,
    before: of(before) ?? null,
    now: of(now) ?? null,
  });
  const [f, g] = [before.figures, now.figures];
  const thresholds = [...new Set([...aboves(f), ...aboves(g)])].sort((a, b) => a - b);
  const above = (ms: number, when: 'before' | 'after') => (plan: PlanResult) =>
    plan.figures?.above.find((a) => a.rttMs === ms)?.[when];
  return [
    figure('gain, ms', (p) => p.objective),
    figure('bound, ms', (p) => p.bound),
    figure('moves', (p) => p.moves.length),
    figure('gigabytes', (p) => p.bytesMoved / 1e9),
    ...thresholds.flatMap((ms) => [
      figure(`users above ${String(ms)} ms`, above(ms, 'before')),
      figure(`users above ${String(ms)} ms after the plan`, above(ms, 'after')),
    ]),
    figure('farthest user, ms', (p) => p.figures?.worst?.before.rttMs),
    figure('farthest user after the plan, ms', (p) => p.figures?.worst?.after.rttMs),
  ];
}

const aboves = (figures: PlanFigures | undefined) => figures?.above.map((a) => a.rttMs) ?? [];
