// A plan as a file: what the cloud looked like, the moves with their reasons, the figures that were predicted. It says by itself what it
// is; `apply` and `plan --diff` read it on another day, perhaps by another release, perhaps after somebody edited it.
import { z } from 'zod';
import { invalidInput, problemsOf } from '../../model/parse.js';
import { DesktopId, HostId, PoolId, SiteId } from '../../model/ids.js';
import { Name, PlanMove, PlanResult } from '../request/model.js';
import { CloudSnapshot } from './snapshot.js';
import { few } from '../request/check-input.js';

/** Raised with each change that a release before would not read, or would read otherwise. */
export const DOCUMENT_VERSION = 1;

/** Reasons are a sentence or two. */
const MAX_REASON_CHARS = 4_000;

const SavedMove = PlanMove.extend({
  desktop: Name,
  from: Name,
  to: Name,
  fromHost: Name.optional(),
  toHost: Name.optional(),
  wave: z.number().int().min(1).max(1_000_000),
  reason: z.string().max(MAX_REASON_CHARS),
}).refine((m) => m.from !== m.to || m.fromHost !== m.toHost, 'expected a move to another site or host');
export type SavedMove = z.infer<typeof SavedMove>;

export const PlanDocument = z.strictObject({
  vmshadowPlan: z.literal(DOCUMENT_VERSION),
  madeAtMs: z.number().min(0).max(1e16),
  /** The pool that it was made for; null: made of a file (`plan --input`), for no cloud. */
  pool: PoolId.nullable(),
  cloud: CloudSnapshot,
  plan: PlanResult.extend({ moves: z.array(SavedMove).max(1_000_000) }),
});
export type PlanDocument = z.infer<typeof PlanDocument>;

/** Read a saved plan; throws INPUT_INVALID with every problem. `what` names it, e.g. the file. */
export function readPlanDocument(value: unknown, what: string): PlanDocument {
  if (typeof value !== 'object' || value === null || !('vmshadowPlan' in value))
    throw refused(what, ['not a saved plan: `vmshadow plan --out FILE` makes one']);
  if (value.vmshadowPlan !== DOCUMENT_VERSION)
    throw refused(what, [
      `vmshadowPlan: this release reads version ${String(DOCUMENT_VERSION)}, the file says ${JSON.stringify(value.vmshadowPlan).slice(0, 40)}`,
    ]);
  const { data, error } = PlanDocument.safeParse(value);
  if (data === undefined) throw refused(what, problemsOf(error));
  const problems = contradictions(data);
  if (problems.length > 0) throw refused(what, problems);
  return data;
}

function refused(what: string, problems: readonly string[]) {
  return invalidInput(what, few(problems));
}

/** What cannot be true of one cloud and one plan. */
function contradictions({ pool, cloud, plan }: PlanDocument): string[] {
  const hosts = new Map(cloud.sites.map((s) => [s.id, new Set(s.hosts.map((h) => h.id))]));
  const at = new Map(cloud.desktops.map((d) => [d.id, d.site]));
  const problems = [
    ...(hosts.size === cloud.sites.length ? [] : ['cloud.sites: some are named twice']),
    ...(at.size === cloud.desktops.length ? [] : ['cloud.desktops: some are named twice']),
  ];
  const lastWave = new Map<string, number>();
  plan.moves.forEach((move, k) => {
    const { desktop, from, to, toHost, wave } = move;
    const path = `plan.moves.${String(k)}`;
    const here = at.get(desktop);
    if (here === undefined) problems.push(`${path}: there is no desktop ${desktop} in cloud.desktops`);
    else if (here !== from) problems.push(`${path}: ${desktop} is said to leave ${from}, but is at ${here}`);
    const there = hosts.get(to);
    if (there === undefined) problems.push(`${path}: there is no site ${to} in cloud.sites`);
    else if (toHost !== undefined && there.size > 0 && !there.has(toHost))
      problems.push(`${path}: site ${to} has no host ${toHost} in cloud.sites`);
    if ((lastWave.get(desktop) ?? 0) >= wave)
      problems.push(
        `${path}: ${desktop} moves twice within wave ${String(wave)}, or back in the order of waves`,
      );
    lastWave.set(desktop, wave);
    at.set(desktop, to);
    if (pool !== null) problems.push(...unusableNames(path, move));
  });
  return problems;
}

/** Names in a plan for a live pool are ids of it. */
function unusableNames(path: string, { desktop, to, toHost }: SavedMove): string[] {
  return [
    ...(DesktopId.safeParse(desktop).success ? [] : [`${path}.desktop: no desktop can be called so`]),
    ...(SiteId.safeParse(to).success ? [] : [`${path}.to: no site can be called so`]),
    ...(toHost === undefined
      ? [`${path}.toHost: a plan for a pool names the host`]
      : HostId.safeParse(toHost).success
        ? []
        : [`${path}.toHost: no host can be called so`]),
  ];
}
