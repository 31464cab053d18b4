// Ownership of a desktop: who may run it. One record a desktop and host, fsynced by the store; epochs only grow.
//
//   source                                target
//   owner(e) --release--> released(e+1)   none --accept--> owner(e+1)
//   released(e+1) --reclaim--> owner(e+2) none --refuse--> refused(e+1)      (reclaim only after the target has said `refused`)
//                                         owner(e+1) --retract--> refused(e+1)  (only while its copy has never run and nobody was told)
//   owner(e) --remove--> removed(e+1)     (a desktop of the same id that is made later goes on from there)
//
// Between release and accept/refuse the target's host decides, and only it; both copies stay still (ARCHITECTURE, "Commit order").
import { z } from 'zod';
import { VmshadowError } from '../errors.js';
import { DesktopId, HostRef, sameHost } from '../model/ids.js';

export const OwnershipRecord = z.object({
  desktop: DesktopId,
  epoch: z.number().int().min(1),
  state: z.enum(['owner', 'released', 'refused', 'removed']),
  /** The other host of the transfer: where it went, or where it came from. */
  peer: HostRef.nullable(),
  atMs: z.number(),
});
export type OwnershipRecord = z.infer<typeof OwnershipRecord>;

const describe = (record: OwnershipRecord | null) =>
  record === null ? 'no record' : `${record.state} at epoch ${String(record.epoch)}`;

function fenced(
  desktop: DesktopId,
  epoch: number,
  record: OwnershipRecord | null,
  wanted: string,
): VmshadowError {
  return new VmshadowError(
    'FENCED',
    `desktop ${desktop}: ${wanted} with epoch ${String(epoch)} refused, this host has ${describe(record)}. Ask for its status and start again from there.`,
    { details: { desktop, epoch, recordEpoch: record?.epoch ?? 0, recordState: record?.state ?? 'none' } },
  );
}

/** The first record of a desktop that is created here. */
export function createdHere(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  atMs: number,
): OwnershipRecord {
  if (record !== null && record.state === 'owner') throw fenced(desktop, record.epoch, record, 'creation');
  return { desktop, epoch: (record?.epoch ?? 0) + 1, state: 'owner', peer: null, atMs };
}

/** Throw FENCED unless this host owns the desktop with exactly this epoch. */
export function assertOwner(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  wanted: string,
): void {
  if (record?.state !== 'owner' || record.epoch !== epoch) throw fenced(desktop, epoch, record, wanted);
}

/**
 * Source: give up the right to run `desktop` in favour of `to`. `epoch` is the new one, `sourceEpoch` the one that this host must own (the
 * last before it, unless the target had to skip some that it had refused). Again with the same epoch and host: no change.
 */
export function release(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  to: HostRef,
  atMs: number,
  sourceEpoch = epoch - 1,
): OwnershipRecord {
  if (record !== null && isReleasedTo(record, epoch, to)) return record;
  if (record?.state !== 'owner' || record.epoch !== sourceEpoch || sourceEpoch >= epoch)
    throw fenced(desktop, epoch, record, 'release');
  return { desktop, epoch, state: 'released', peer: to, atMs };
}

/** Tell whether this host has released the desktop at `epoch` to `to`: then only that host's word counts. */
export function isReleasedTo(record: OwnershipRecord | null, epoch: number, to: HostRef): boolean {
  return (
    record?.state === 'released' &&
    record.epoch === epoch &&
    record.peer !== null &&
    sameHost(record.peer, to)
  );
}

/** Target: take the right to run `desktop`. Refused after a `refuse` of the same epoch, or when anything newer is known. */
export function accept(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  from: HostRef,
  atMs: number,
): OwnershipRecord {
  if (record?.state === 'owner' && record.epoch === epoch) return record;
  if (record !== null && record.epoch >= epoch) throw fenced(desktop, epoch, record, 'taking over');
  return { desktop, epoch, state: 'owner', peer: from, atMs };
}

/** Target: decline `epoch` for ever, so that the source may run the desktop again. After an `accept` only `retract` can. */
export function refuse(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  from: HostRef,
  atMs: number,
): OwnershipRecord {
  if (record?.state === 'refused' && record.epoch === epoch) return record;
  if (record !== null && record.epoch >= epoch) throw fenced(desktop, epoch, record, 'refusal');
  return { desktop, epoch, state: 'refused', peer: from, atMs };
}

/** Target: take back an `accept` whose copy has provably never run and never can, before anybody was told of it. */
export function retract(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  atMs: number,
): OwnershipRecord {
  if (record?.state !== 'owner' || record.epoch !== epoch) throw fenced(desktop, epoch, record, 'retraction');
  return { ...record, state: 'refused', atMs };
}

/** Source: run again after the target has durably refused `epoch`; the new epoch is `epoch + 1`. */
export function reclaim(
  record: OwnershipRecord | null,
  desktop: DesktopId,
  epoch: number,
  atMs: number,
): OwnershipRecord {
  if (record?.state === 'owner' && record.epoch === epoch + 1) return record;
  if (record?.state !== 'released' || record.epoch !== epoch)
    throw fenced(desktop, epoch, record, 'reclaiming');
  return { desktop, epoch: epoch + 1, state: 'owner', peer: null, atMs };
}

/** Owner: the desktop is no more. Its epochs stay spent: nothing that was said of it holds for one of the same id. Again: no change. */
export function remove(record: OwnershipRecord | null, desktop: DesktopId, atMs: number): OwnershipRecord {
  if (record?.state === 'removed') return record;
  if (record?.state !== 'owner') throw fenced(desktop, record?.epoch ?? 0, record, 'removal');
  return { desktop, epoch: record.epoch + 1, state: 'removed', peer: null, atMs };
}

/**
 * Target: what it has decided about `epoch`. `gone`: it took the desktop over at this epoch or knows a newer one, and does not own it at
 * `epoch` any more: nothing is left to do for it.
 */
export function decisionOn(
  record: OwnershipRecord | null,
  epoch: number,
): 'owner' | 'refused' | 'gone' | 'undecided' {
  if (record === null || record.epoch < epoch) return 'undecided';
  if (record.epoch > epoch) return 'gone';
  return record.state === 'released' || record.state === 'removed' ? 'gone' : record.state;
}
