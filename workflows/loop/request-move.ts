// An operator's move: looked at on fresh reports, and refused with one clear error before anything is changed.
import { patched } from '@temporalio/workflow';
import { VmshadowError } from '../../domain/errors.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import type { MoveAccepted, RequestMove } from '../../temporal/contract/requests.js';
import { collect } from './collect.js';
import { violationBy } from './constraints.js';
import { assertNotDraining } from './drain.js';
import { holdOn, sayHold } from './holds.js';
import { knownDesktop, knownHost, knownSite, roomAt } from './find-room.js';
import type { LoopState } from './loop-state.js';
import { refuseInMove } from './in-move.js';
import { forgetTerminated, startMove } from './moves.js';
import { assertNotClosed, whyStill } from './windows.js';

/** Move a desktop to a site, now. */
export async function requestMove(state: LoopState, ask: RequestMove): Promise<MoveAccepted> {
  await collect(state, false);
  const found = knownDesktop(state, ask.desktop);
  if (ask.host === undefined) knownSite(state, ask.site);
  else knownHost(state, ask.site, ask.host);
  if (found.host.site === ask.site && (ask.host === undefined || ask.host === found.host.host))
    throw new VmshadowError('ALREADY_THERE', `desktop ${ask.desktop} is already at ${hostKey(found.host)}`);
  assertNotClosed(state, ask.site, ask.host);
  assertNotDraining(state, ask.site, ask.host);
  const still = whyStill(state, found.host);
  if (still !== null)
    throw new VmshadowError(
      'DRAINING',
      `desktop ${ask.desktop} is not moved: ${still} (\`vmshadow window list\`)`,
    );
  const lockedUntil = state.lockedUntilMs.get(ask.desktop) ?? 0;
  if (!ask.force && lockedUntil > Date.now())
    throw new VmshadowError(
      'HYSTERESIS',
      `desktop ${ask.desktop} was moved a short while ago and stays put for another ${String(Math.ceil((lockedUntil - Date.now()) / 1000))} s; use --force to move it all the same`,
    );
  // Whoever terminates a move wants the next one now, not after the loop's next cycle.
  if (state.moves.has(ask.desktop) && patched('forget-terminated-when-asked')) await forgetTerminated(state);
  if (state.moves.has(ask.desktop)) await refuseInMove(state, ask.desktop);
  const holdTo = (to: HostRef) => holdOn(state, { desktop: ask.desktop, from: found.host, to }, Date.now());
  const to = roomAt(
    state,
    ask.site,
    ask.host,
    found.report.definition,
    found.host,
    (host) => holdTo(host) !== null || violationBy(state, ask.desktop, host) !== null,
  );
  const broken = ask.force ? null : violationBy(state, ask.desktop, to);
  if (broken !== null)
    throw new VmshadowError(
      'CONSTRAINT',
      `desktop ${ask.desktop} is not moved to ${hostKey(to)}: ${broken}; use --force to move it all the same, or change what constrains it: \`vmshadow desktop constrain ${ask.desktop}\``,
    );
  const hold = ask.force ? null : holdTo(to);
  if (hold !== null)
    throw new VmshadowError(
      'HELD_BACK',
      `desktop ${ask.desktop} is not moved to ${hostKey(to)}: ${sayHold(hold)}; use --force to try all the same`,
    );
  const rtts = state.users.get(ask.desktop)?.rtts ?? {};
  const workflowId = await startMove(state, {
    desktop: ask.desktop,
    from: found.host,
    to,
    cause: 'operator',
    reason: 'an operator asked for it',
    parking: false,
    rttBeforeMs: rtts[found.host.site] ?? null,
    rttAfterMs: rtts[to.site] ?? null,
    ...(ask.withinMs === undefined ? {} : { deadlineAtMs: Date.now() + ask.withinMs }),
  });
  return { workflowId, to };
}
