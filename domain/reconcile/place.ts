// All that is known of one desktop, host by host: what the rules of reconciliation look at.
import { decisionOn, type OwnershipRecord } from '../migration/ownership.js';
import { desktopOfMove, hostKey, moveIdOf, sameHost, type DesktopId, type HostRef } from '../model/ids.js';
import type { Held, HeldNetwork, HeldReservation, HostLook } from './held.js';

/** What one host holds of the desktop. */
export interface Place {
  readonly host: HostRef;
  readonly record: OwnershipRecord | null;
  readonly reservations: readonly HeldReservation[];
  /** State of the copy that does not come in; null: there is none. */
  readonly state: string | null;
  /** By move. */
  readonly incoming: readonly string[];
  readonly retired: readonly string[];
  readonly copies: readonly string[];
  readonly network: HeldNetwork | null;
  readonly capped: readonly string[];
}

export interface DesktopView {
  readonly desktop: DesktopId;
  readonly places: readonly Place[];
  /** Hosts that have said what they hold. */
  readonly heard: readonly HostRef[];
  /** Hosts of the cloud of which nothing is known now. */
  readonly silent: readonly HostRef[];
  /** Whether `heard` and `silent` are the whole cloud; else any other host counts as silent. */
  readonly whole: boolean;
  readonly nowMs: number;
  readonly graceMs: number;
}

/** Sort what the hosts hold by desktop. */
export function viewsOf(
  hosts: readonly HostLook[],
  rest: Pick<DesktopView, 'nowMs' | 'graceMs' | 'whole'>,
): DesktopView[] {
  const heard = hosts.filter((h) => h.held !== null).map((h) => h.host);
  const silent = hosts.filter((h) => h.held === null).map((h) => h.host);
  const places = new Map<DesktopId, Place[]>();
  for (const { held } of hosts)
    if (held !== null)
      for (const desktop of namedIn(held)) {
        const there = places.get(desktop) ?? [];
        there.push(placeOf(held, desktop));
        places.set(desktop, there);
      }
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([desktop, there]) => ({ desktop, places: there, heard, silent, ...rest }));
}

function namedIn(held: Held): Set<DesktopId> {
  const listed = [
    held.records,
    held.reservations,
    held.desktops,
    held.incoming,
    held.retired,
    held.outgoing,
    held.networks,
  ].flatMap((list) => list.map((item) => item.desktop));
  return new Set([...listed, ...held.capped.map(desktopOfMove).filter((d) => d !== null)]);
}

function placeOf(held: Held, desktop: DesktopId): Place {
  const of = <T extends { readonly desktop: DesktopId }>(list: readonly T[]) =>
    list.filter((item) => item.desktop === desktop);
  return {
    host: held.host,
    record: of(held.records)[0] ?? null,
    reservations: of(held.reservations),
    state: of(held.desktops)[0]?.state ?? null,
    incoming: of(held.incoming).map((m) => m.moveId),
    retired: of(held.retired).map((m) => m.moveId),
    copies: of(held.outgoing).flatMap((o) => o.copies),
    network: of(held.networks)[0] ?? null,
    capped: held.capped.filter((moveId) => desktopOfMove(moveId) === desktop),
  };
}

/** The place at a host; undefined where nothing is known of it. */
export function placeAt(view: DesktopView, host: HostRef): Place | undefined {
  return view.places.find((p) => sameHost(p.host, host));
}

export const ownersOf = (view: DesktopView): Place[] =>
  view.places.filter((p) => p.record?.state === 'owner');

const isHeard = (view: DesktopView, host: HostRef): boolean => view.heard.some((h) => sameHost(h, host));

/** Tell whether a host may hold something of which nothing is known now; false for one that is in the cloud no more. */
export const isSilent = (view: DesktopView, host: HostRef): boolean =>
  !isHeard(view, host) && (!view.whole || view.silent.some((s) => sameHost(s, host)));

/** What the host that a desktop was released to has decided about `epoch`; null where that is not known. */
export function decisionAt(
  view: DesktopView,
  host: HostRef,
  epoch: number,
): ReturnType<typeof decisionOn> | null {
  if (!isHeard(view, host)) return null;
  return decisionOn(placeAt(view, host)?.record ?? null, epoch);
}

/** Tell whether somebody went on from `epoch`: owns the desktop since, or has removed it. */
export function goneOnFrom(view: DesktopView, epoch: number): boolean {
  return view.places.some(
    ({ record }) =>
      (record?.state === 'owner' && record.epoch >= epoch) ||
      (record?.state === 'removed' && record.epoch > epoch),
  );
}

/** The move that brings the desktop from a host at `epoch`, as its target knows it; a name of our own where that has forgotten it. */
export function moveFrom(view: DesktopView, from: Place, to: HostRef, epoch: number): string {
  const known = placeAt(view, to)?.reservations.find((r) => r.epoch === epoch && sameHost(r.from, from.host));
  return known?.moveId ?? ownName(view.desktop);
}

/** Names files for a move of which nobody knows the name any more. */
export const ownName = (desktop: DesktopId): string => moveIdOf(desktop, 'reconciled');

export const at = (host: HostRef): string => hostKey(host);
