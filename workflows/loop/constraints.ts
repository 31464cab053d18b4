// The loop's part of constraints: what operators have said of desktops, and what a move would break of it.
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopConstraints } from '../../domain/model/constraints.js';
import type { DesktopId, HostRef } from '../../domain/model/ids.js';
import { violationOf } from '../../domain/placement/life/violation.js';
import type { ConstrainDesktop } from '../../temporal/contract/requests.js';
import { knownDesktop, knownSite } from './find-room.js';
import type { Located, LoopState } from './loop-state.js';

type Places = ReadonlyMap<DesktopId, HostRef>;
const NO_PLACES: Places = new Map();

/** Change what constrains a desktop; answers with all that then does. In force from the next plan. */
export function constrainDesktop(
  state: LoopState,
  { desktop, clear, constraints }: ConstrainDesktop,
): DesktopConstraints {
  knownDesktop(state, desktop);
  const sites = [...(constraints.allowedSites ?? []), ...(constraints.forbiddenSites ?? [])];
  for (const site of sites) knownSite(state, site);
  const before = clear ? {} : (state.constraints.get(desktop) ?? {});
  const merged: DesktopConstraints = { ...before, ...constraints };
  const { pinned, ...rest } = merged;
  const now: DesktopConstraints = { ...rest, ...(pinned === true ? { pinned } : {}) };
  const both = (now.allowedSites ?? []).filter((site) => now.forbiddenSites?.includes(site) === true);
  if (both.length > 0)
    throw new VmshadowError(
      'INPUT_INVALID',
      `desktop ${desktop}: ${both.join(', ')} would be allowed and forbidden; --clear begins anew`,
    );
  if (Object.keys(now).length === 0) state.constraints.delete(desktop);
  else state.constraints.set(desktop, now);
  return now;
}

/** The desktops that have constraints. */
export const constrained = (state: LoopState): Located[] =>
  state.desktops().filter(({ report }) => state.constraints.has(report.definition.id));

/**
 * The constraint of a desktop that a move breaks, in words; null where none. `moved`: who is elsewhere than the last reports say;
 * `heading`: where others will be in the end; `known`: who has constraints.
 */
export function violationBy(
  state: LoopState,
  desktop: DesktopId,
  to: HostRef,
  moved: Places = NO_PLACES,
  heading: Places = NO_PLACES,
  known: readonly Located[] = constrained(state),
): string | null {
  const constraints = state.constraints.get(desktop);
  if (constraints === undefined) return null;
  const site = state.cloud.sites.find((s) => s.id === to.site);
  const host = site?.hosts.find((h) => h.id === to.host);
  const others = known.flatMap(({ host: now, report }) => {
    const { id } = report.definition;
    const theirs = state.constraints.get(id);
    if (theirs === undefined) return [];
    // One on its way counts where it goes: it will be there first.
    const at = moved.get(id) ?? state.moves.get(id)?.to ?? now;
    return [{ desktop: id, constraints: theirs, at, heading: heading.get(id) ?? at }];
  });
  const provides = [...(site?.provides ?? []), ...(host?.provides ?? [])];
  return violationOf({ desktop, constraints, provides, others }, to);
}

/** A desktop's constraints as the plan takes them; sites that are not planned with are left out of both lists. */
export function constraintsInPlan(
  state: LoopState,
  desktop: DesktopId,
  planned: ReadonlySet<string>,
): DesktopConstraints {
  const known = state.constraints.get(desktop);
  if (known === undefined) return {};
  const { allowedSites, forbiddenSites, ...rest } = known;
  const there = <T extends string>(sites: readonly T[]) => sites.filter((site) => planned.has(site));
  return {
    ...rest,
    ...(allowedSites === undefined ? {} : { allowedSites: there(allowedSites) }),
    ...(forbiddenSites === undefined ? {} : { forbiddenSites: there(forbiddenSites) }),
  };
}
