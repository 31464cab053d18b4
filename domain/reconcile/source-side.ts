// Leftovers at the host that a desktop was to leave, or has left.
//
//   owner(e)       its copies to elsewhere are ended; it runs on
//   released(e+1)  the target's word decides: finish (commit, or take it back), then retire, then clean after the grace time
import { sameHost, type HostRef } from '../model/ids.js';
import type { Finding } from './finding.js';
import {
  at,
  decisionAt,
  goneOnFrom,
  isSilent,
  moveFrom,
  ownName,
  placeAt,
  type DesktopView,
  type Place,
} from './place.js';

/** What an owner still has of moves away that have ended. */
export function ownerFindings({ desktop }: DesktopView, place: Place): Finding[] {
  const { host, record, copies, network, state } = place;
  if (record?.state !== 'owner' || (copies.length === 0 && (network?.outgoing ?? null) === null)) return [];
  const stands = state === 'postmigrate' || state === 'paused';
  return [
    {
      kind: 'orphaned-copy',
      desktop,
      host,
      words: `${desktop} is still being copied away from ${at(host)} by a move that has ended${stands ? ', and stands still in its pause' : ''}`,
      repair: { do: 'end-copies', host, desktop, epoch: record.epoch, copies },
      person: null,
    },
  ];
}

/** What a host still has of a desktop that it has released. */
export function releasedFindings(view: DesktopView, place: Place): Finding[] {
  const { desktop } = view;
  const { host, record, network, state } = place;
  if (record?.state !== 'released' || record.peer === null) return [];
  const { epoch, peer } = record;
  const told = network?.outgoing?.epoch === epoch;
  if (state === null && !told) return [];
  const half = { kind: 'half-moved', desktop, host } as const;
  // The forwarding of the old address is set up when the target has said that it took the desktop over.
  const forwarded = network?.moved.some((m) => m.epoch === epoch) === true;
  const decision = decisionAt(view, peer, epoch);
  const taken =
    forwarded || decision === 'owner' || (decision === 'gone' && goneOnFrom(view, epoch))
      ? ('taken' as const)
      : decision;
  const toPeer = `${desktop} was released by ${at(host)} to ${at(peer)} (epoch ${String(epoch)})`;
  const moveId = moveFrom(view, place, peer, epoch);
  const canDecide = taken === 'taken' || taken === 'refused' || isExpected(view, place, peer, epoch);
  if (told && taken !== null && taken !== 'gone' && canDecide)
    return [
      {
        ...half,
        words: `${toPeer} by a move that was cut off in its switchover: ${at(peer)} ${WORD[taken]}`,
        repair: { do: 'finish-move', host, desktop, epoch, peer, moveId },
        person: null,
      },
    ];
  if (taken === 'taken')
    return [
      {
        kind: 'unfinished-source',
        desktop,
        host,
        words: `${toPeer}, which runs it, and its stopped copy is still at ${at(host)}`,
        repair: { do: 'retire-source', host, desktop, epoch, moveId },
        person: null,
      },
    ];
  return [{ ...half, ...notDecided(view, toPeer, host, peer) }];
}

const WORD = {
  taken: 'has taken it over',
  refused: 'has refused it, so that it goes on here',
  undecided: 'is asked for its decision',
} as const;

const isExpected = (view: DesktopView, { host }: Place, peer: HostRef, epoch: number): boolean =>
  (placeAt(view, peer)?.reservations ?? []).some((r) => r.epoch === epoch && sameHost(r.from, host));

/** Released, and nobody who could say so says who may run it. */
function notDecided(
  view: DesktopView,
  toPeer: string,
  host: HostRef,
  peer: HostRef,
): Pick<Finding, 'words' | 'repair' | 'person'> {
  const kept = `its copy at ${at(host)} is kept`;
  const away = isSilent(view, peer) ? [peer] : view.silent;
  if (away.length > 0 || isSilent(view, peer))
    return {
      words: `${toPeer}, and who runs it since is not known: ${away.map(at).join(', ')} cannot be asked; ${kept}`,
      repair: null,
      person: `start \`vmshadow dom0\` at ${away.map(at).join(', ')}: the rest goes by itself`,
    };
  return {
    words: `${toPeer}, which knows nothing of it, and no other host owns it: ${kept}, still`,
    repair: null,
    person: `look at the state folder of ${at(peer)} and at both logs: was it emptied, restored, or the host taken out of vmshadow.yaml? The desktop's disk is whole at ${at(host)}; remove nothing before one of the two has it back`,
  };
}

/** Old addresses and disks of moves that are over: kept for the grace time, then cleaned. */
export function movedFindings(view: DesktopView, place: Place): Finding[] {
  const { desktop, graceMs, nowMs } = view;
  const { host, record, network, retired, state } = place;
  const moved = network?.moved ?? [];
  if (record?.state === 'released' && (state !== null || network?.outgoing?.epoch === record.epoch))
    return [];
  const untilMs = (record?.atMs ?? 0) + graceMs;
  // With more than one disk set aside nobody can tell which was kept on purpose.
  const [only, ...others] = retired;
  const ours = only !== undefined && others.length === 0 ? only : null;
  const cleaned = moved.map((change, i): Finding => {
    const disk = i === 0 ? ours : null;
    const what = `the old address ${change.oldExternal} of ${desktop}${disk === null ? '' : ' and its old disk'} at ${at(host)}`;
    const isOver = nowMs >= untilMs;
    return {
      kind: 'kept-source',
      desktop,
      host,
      words: isOver
        ? `${what} are left of a move that has ended`
        : `${what} are kept for another ${String(Math.ceil((untilMs - nowMs) / 1000))} s (policy.migration.graceMs)`,
      repair: isOver
        ? {
            do: 'clean-source',
            host,
            desktop,
            change,
            moveId: disk ?? ownName(desktop),
            keepDisk: disk === null,
          }
        : null,
      person: null,
    };
  });
  const kept = moved.length > 0 && ours !== null ? [] : retired;
  return [
    ...cleaned,
    ...kept.map((moveId): Finding => ({
      kind: 'kept-disk',
      desktop,
      host,
      words: `an old disk of ${desktop} is kept at ${at(host)} (move ${moveId}): where disks differ after a move the source's is the evidence`,
      repair: null,
      person: `compare it with the desktop's disk if you need to, then remove it and its record from the \`retired\` folder in stateDir`,
    })),
  ];
}
