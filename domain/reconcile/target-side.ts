// Leftovers at the host that a desktop was to come to, or has come to: reservations, replicas, taps, addresses, caps.
import { decisionOn } from '../migration/ownership.js';
import { sameHost, type HostRef } from '../model/ids.js';
import type { HeldReservation } from './held.js';
import type { Finding, Repair } from './finding.js';
import { at, isSilent, placeAt, type DesktopView, type Place } from './place.js';

/** What a host still has of moves to it that have ended. */
export function targetFindings(view: DesktopView, place: Place): Finding[] {
  const reserved = new Set(place.reservations.map((r) => r.moveId));
  return [
    ...place.reservations.flatMap((r) => reservationFinding(view, place, r)),
    ...place.incoming
      .filter((moveId) => !reserved.has(moveId))
      .flatMap((m) => replicaFinding(view, place, m)),
  ];
}

function reservationFinding(view: DesktopView, place: Place, r: HeldReservation): Finding[] {
  const { desktop } = view;
  const { host, record, incoming, state } = place;
  const { moveId, epoch, from } = r;
  const decision = decisionOn(record, epoch);
  const stands = incoming.includes(moveId);
  if (decision === 'owner' && stands && state === null) return [neverRun(view, place, moveId, epoch, from)];
  if (decision === 'owner' || decision === 'gone')
    return [
      {
        kind: 'stale-reservation',
        desktop,
        host,
        words: `room for ${desktop} is still reserved at ${at(host)} although it came there (move ${moveId})`,
        repair: { do: 'settle-target', host, desktop, moveId },
        person: null,
      },
    ];
  const words = `${stands ? 'a replica of' : 'room and an address for'} ${desktop} ${stands ? 'is' : 'are'} left at ${at(host)} by a move from ${at(from)} that has ended (${moveId})`;
  const left = { kind: 'orphaned-replica', desktop, host, words } as const;
  const drop: Repair = { do: 'drop-target', host, desktop, moveId };
  if (decision === 'refused') return [{ ...left, repair: drop, person: null }];
  const source = placeAt(view, from);
  // The source waits for this host's word: it asks for it itself (source-side.ts).
  if (isReleasedTo(source, host, epoch)) return [];
  if (isSilent(view, from))
    return [
      {
        ...left,
        words: `${words}; it is dropped when ${at(from)} answers, which may still write to it`,
        repair: null,
        person: r.switching
          ? `start \`vmshadow dom0\` at ${at(from)}: the switchover had begun, and only that host knows whether it has given ${desktop} up. If ${at(from)} is lost for ever, this copy may be the last one: keep it`
          : null,
      },
    ];
  if (source === undefined && r.switching)
    return [
      {
        ...left,
        repair: null,
        person: `${at(from)} knows nothing of ${desktop}, and the switchover from there had begun: this copy may be the last one. Look for the desktop before you remove it`,
      },
    ];
  return [{ ...left, repair: drop, person: null }];
}

const isReleasedTo = (source: Place | undefined, host: HostRef, epoch: number): boolean =>
  source?.record?.state === 'released' &&
  source.record.epoch === epoch &&
  source.record.peer !== null &&
  sameHost(source.record.peer, host);

/** Owned here, and its copy stands still: whoever was to let it run has died. */
function neverRun(
  { desktop }: DesktopView,
  { host }: Place,
  moveId: string,
  epoch: number,
  from: HostRef,
): Finding {
  return {
    kind: 'half-moved',
    desktop,
    host,
    words: `${at(host)} has taken ${desktop} over (epoch ${String(epoch)}) and its copy has not run yet`,
    repair: { do: 'run-here', host, desktop, moveId, epoch, from },
    person: null,
  };
}

/** A replica without a reservation. */
function replicaFinding(view: DesktopView, place: Place, moveId: string): Finding[] {
  const { desktop } = view;
  const { host, record, state } = place;
  if (record?.state === 'owner' && state === null && record.peer !== null)
    return [neverRun(view, place, moveId, record.epoch, record.peer)];
  const waitedFor = view.places.some(
    ({ record: r }) =>
      r?.state === 'released' &&
      r.peer !== null &&
      sameHost(r.peer, host) &&
      decisionOn(record, r.epoch) === 'undecided',
  );
  // Said where the desktop was released (source-side.ts).
  if (waitedFor || (record?.state === 'owner' && state === null)) return [];
  return [
    {
      kind: 'orphaned-replica',
      desktop,
      host,
      words: `a replica of ${desktop} is left at ${at(host)} by a move that has ended (${moveId})`,
      repair: { do: 'drop-target', host, desktop, moveId },
      person: null,
    },
  ];
}

/** Tap, address and rules of a desktop that neither is at a host nor comes to it. */
export function networkFindings({ desktop }: DesktopView, place: Place): Finding[] {
  const { host, network, record, reservations, incoming, state } = place;
  if (network === null || network.moved.length > 0) return [];
  const used = record?.state === 'owner' || state !== null || reservations.length > 0 || incoming.length > 0;
  const waits = record?.state === 'released' && network.outgoing?.epoch === record.epoch;
  if (used || waits) return [];
  const address = network.external === null ? '' : ` and the address ${network.external}`;
  return [
    {
      kind: 'stale-address',
      desktop,
      host,
      words: `the tap${address} of ${desktop} are left at ${at(host)}, where it neither is nor comes to`,
      repair: { do: 'detach', host, desktop },
      person: null,
    },
  ];
}

/** Bandwidth caps of moves that have ended. */
export function capFindings({ desktop }: DesktopView, { host, capped }: Place): Finding[] {
  return capped.map((moveId) => ({
    kind: 'stale-cap',
    desktop,
    host,
    words: `the uplink of ${at(host)} is still capped for a move of ${desktop} that has ended (${moveId})`,
    repair: { do: 'uncap', host, desktop, moveId },
    person: null,
  }));
}
