// The loop's part of emptying sites and hosts (domain/drain): nobody is sent there, what is on its way there stops before its commit, and
// whoever is there leaves by the plan, whatever it gains and although the policy only watches: an operator asked for it.
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { covers, placeKey, placeOf, type DrainPlace } from '../../domain/drain/place.js';
import { standingOf, type Resident, type Standing } from '../../domain/drain/standing.js';
import { VmshadowError } from '../../domain/errors.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { PlanResult } from '../../domain/placement/request/model.js';
import type {
  DrainBegun,
  DrainEnded,
  DrainResident,
  DrainStatus,
  Paused,
} from '../../temporal/contract/drain.js';
import type { MoveUnderWay } from '../../temporal/contract/carried.js';
import { MOVE } from '../../temporal/contract/move.js';
import { collect } from './collect.js';
import { knownHost, knownSite } from './find-room.js';
import type { Located, LoopState } from './loop-state.js';

/** The place that a host is being emptied with; undefined where desktops may come. */
export function drainOf(state: LoopState, host: HostRef): DrainPlace | undefined {
  return state.draining.size === 0 ? undefined : placeOf(state.draining.values(), host);
}

/** Refuse a host (or a site, where none is named) that is being emptied. */
export function assertNotDraining(state: LoopState, site: HostRef['site'], host?: HostRef['host']): void {
  const hosts = state.hosts().filter((h) => h.site === site && (host === undefined || h.host === host));
  const places = hosts.map((h) => drainOf(state, h));
  const [place] = places;
  if (place === undefined || places.includes(undefined)) return;
  const which = placeKey(host === undefined ? { site } : { site, host });
  throw new VmshadowError(
    'DRAINING',
    `${which} is being emptied: nobody comes there until \`vmshadow undrain ${placeKey(place)}\``,
  );
}

/** Begin to empty a site or a host; moves on their way there are told to stop. */
export async function drain(state: LoopState, ask: DrainPlace): Promise<DrainBegun> {
  knownPlace(state, ask);
  await collect(state, false);
  const place = placeKey(ask);
  const known = state.draining.get(place);
  const began = known === undefined;
  // One that a window has begun becomes the operator's: it does not end with the window.
  if (began || known.forWindow === true)
    state.draining.set(place, { ...ask, sinceMs: known?.sinceMs ?? Date.now() });
  const cancelled = await cancelAdmissions(state, ask);
  state.askCycle({ act: false, cause: 'operator' });
  return { place, began, left: desktopsAt(ask, state.desktops()).length, cancelled };
}

/** Let desktops come again, unless `closed` says what keeps them away all the same. Moves that are under way go on. */
export function undrain(state: LoopState, ask: DrainPlace, closed: string | null): DrainEnded {
  knownPlace(state, ask);
  const place = placeKey(ask);
  const was = state.draining.delete(place);
  const site = ask.host === undefined ? undefined : state.draining.get(ask.site);
  state.askCycle({ act: false, cause: 'operator' });
  return {
    place,
    was,
    still:
      closed ?? (site === undefined ? null : `its site is being emptied: \`vmshadow undrain ${ask.site}\``),
  };
}

/** Start no moves of the loop's own until told otherwise; what is under way goes on. */
export function pauseLoop(state: LoopState): Paused {
  const changed = state.pausedSinceMs === null;
  state.pausedSinceMs ??= Date.now();
  return { sinceMs: state.pausedSinceMs, changed };
}

/** Start moves again, at once. */
export function unpauseLoop(state: LoopState): Paused {
  const changed = state.pausedSinceMs !== null;
  state.pausedSinceMs = null;
  if (changed) state.askCycle({ act: false, cause: 'operator' });
  return { sinceMs: null, changed };
}

/** Refuse a place that is not there. */
export function knownPlace(state: LoopState, { site, host }: DrainPlace): void {
  if (host === undefined) knownSite(state, site);
  else knownHost(state, site, host);
}

/** Tell moves towards a place to stop; after their commit they do not, and are residents. Gives their desktops. */
async function cancelAdmissions(state: LoopState, place: DrainPlace): Promise<DesktopId[]> {
  const coming = [...state.moves.values()].filter((m) => covers(place, m.to) && m.cancelAsked !== true);
  await Promise.all(coming.map((move) => stopMove(state, move, `${placeKey(place)} is being emptied`)));
  return coming.map((move) => move.desktop);
}

/** Tell a move to stop, unless it has committed. */
export async function stopMove(state: LoopState, move: MoveUnderWay, because: string): Promise<void> {
  state.moves.set(move.desktop, { ...move, cancelAsked: true });
  // It may have ended before anybody could tell it.
  await getExternalWorkflowHandle(move.workflowId)
    .signal(MOVE.cancelMove, { because })
    .catch(() => undefined);
}

/** Desktops of a place. */
export function desktopsAt(place: DrainPlace, desktops: readonly Located[]): Located[] {
  return desktops.filter(({ host }) => covers(place, host));
}

/** Remember how everybody stands who is to leave, by the plan that was acted on and what it did not start yet. */
export function judgeResidents(
  state: LoopState,
  plan: PlanResult | null,
  notStarted: ReadonlyMap<string, string>,
): void {
  state.judgedInCycle = state.cycle;
  state.standings = new Map();
  if (state.draining.size === 0) return;
  const nowMs = Date.now();
  const first = new Map<string, PlanResult['moves'][number]>();
  for (const move of plan?.moves ?? []) if (!first.has(move.desktop)) first.set(move.desktop, move);
  const stays = new Map(plan?.notMoved.map(({ desktop, reason }) => [desktop, reason]));
  const terms = {
    paused: state.pausedSinceMs !== null,
    noPlan: state.problems.get('plan') ?? null,
    nowMs,
  };
  const standings = new Map<string, Standing>();
  for (const { host, report } of state.desktops()) {
    if (drainOf(state, host) === undefined) continue;
    const { id } = report.definition;
    const planned = first.get(id);
    standings.set(
      id,
      standingOf(
        {
          desktop: id,
          at: host,
          movingTo: state.moves.get(id)?.to ?? null,
          silence: state.problems.get(hostKey(host)) ?? null,
          state: report.state,
          sparedUntil: sparedUntil(state, id),
          planned: planned === undefined ? null : { to: planned.to, wave: planned.wave },
          notStarted: notStarted.get(id) ?? null,
          stays: stays.get(id) ?? null,
        },
        terms,
      ),
    );
  }
  state.standings = standings;
}

function sparedUntil(state: LoopState, desktop: string): Resident['sparedUntil'] {
  const ms = state.sparedUntilMs.get(desktop);
  return ms === undefined ? null : { ms, inWords: new Date(ms).toISOString() };
}

/** Residents that one answer names: each has some hundred bytes. */
const RESIDENTS_SHOWN = 100;

/** What `status` says of the places that are being emptied. */
export function drainStatuses(state: LoopState, desktops: readonly Located[]): DrainStatus[] {
  if (state.draining.size === 0) return [];
  const at = new Map(desktops.map(({ host, report }) => [report.definition.id, host]));
  return [...state.draining.values()].map((place): DrainStatus => {
    const all = [...stayersOf(state, place, desktops), ...leavingsOf(state, place, at)];
    const count = (is: Standing['is']) => all.filter((r) => r.is === is).length;
    return {
      place: placeKey(place),
      sinceMs: place.sinceMs,
      judgedInCycle: state.judgedInCycle,
      left: all.length,
      unheard: state
        .hosts()
        .filter((host) => covers(place, host) && !state.reports.has(hostKey(host)))
        .map(hostKey),
      counts: { moving: count('moving'), waiting: count('waiting'), held: count('held') },
      residents: all.slice(0, RESIDENTS_SHOWN),
    };
  });
}

/** Those of the highest rank first. */
function stayersOf(state: LoopState, place: DrainPlace, desktops: readonly Located[]): DrainResident[] {
  const rankOf = ({ report }: Located) => state.current.get(report.definition.id)?.rank ?? 0;
  const all = desktopsAt(place, desktops).sort((a, b) => rankOf(b) - rankOf(a));
  return all.map(({ host, report }) => {
    const { id } = report.definition;
    const move = state.moves.get(id);
    const judged = state.standings.get(id);
    const rank = state.current.get(id)?.rank ?? null;
    const standing: Standing =
      move !== undefined
        ? { is: 'moving', why: `its move to ${hostKey(move.to)} is under way` }
        : // A move that has ended since the last cycle is judged anew.
          judged === undefined || judged.is === 'moving'
          ? { is: 'waiting', why: 'the next cycle plans for it' }
          : judged;
    return { desktop: id, host, rank, ...standing };
  });
}

/** Who takes room of a place without being at home there: desktops that are being made, and what a move has not cleaned up yet. */
function leavingsOf(
  state: LoopState,
  place: DrainPlace,
  hosts: ReadonlyMap<DesktopId, HostRef>,
): DrainResident[] {
  const making = [...state.creating.values()].filter((c) => covers(place, c.host));
  const cleaning = [...state.moves.values()].filter((m) => {
    const at = hosts.get(m.desktop);
    return covers(place, m.from) && (at === undefined || !covers(place, at));
  });
  return [
    ...making.map(({ desktop, host }) => ({
      desktop,
      host,
      rank: null,
      is: 'waiting' as const,
      why: 'it is being made: it leaves when it is there',
    })),
    ...cleaning.map(({ desktop, from, to }) => ({
      desktop,
      host: from,
      rank: null,
      is: 'moving' as const,
      why: `it runs at ${hostKey(to)}, and its old disk is kept until the move has ended`,
    })),
  ];
}
