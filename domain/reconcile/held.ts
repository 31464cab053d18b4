// What a host holds of desktops and moves, as it reports it: everything that a move could have left there.
import { z } from 'zod';
import { OwnershipRecord } from '../migration/ownership.js';
import { Ipv4 } from '../model/address.js';
import { DesktopId, HostRef, MoveId } from '../model/ids.js';
import { PublicKey } from '../model/keys.js';

const Epoch = z.number().int().min(1);

/** A driver's own name of a copy to elsewhere. */
export const CopyName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected the name of a copy');

/** A change of a desktop's address that two hosts agreed on. */
export const HeldChange = z.object({
  desktop: DesktopId,
  epoch: Epoch,
  oldExternal: Ipv4,
  newExternal: Ipv4,
  targetKey: PublicKey,
});
export type HeldChange = z.infer<typeof HeldChange>;

const HeldReservation = z.object({
  moveId: MoveId,
  desktop: DesktopId,
  from: HostRef,
  /** The epoch that this host would own. */
  epoch: Epoch,
  /** Its switchover had begun: the source may have released the desktop. */
  switching: z.boolean(),
});
export type HeldReservation = z.infer<typeof HeldReservation>;

const HeldNetwork = z.object({
  desktop: DesktopId,
  attached: z.boolean(),
  external: Ipv4.nullable(),
  outgoing: HeldChange.nullable(),
  moved: z.array(HeldChange),
});
export type HeldNetwork = z.infer<typeof HeldNetwork>;

const OfMove = z.object({ desktop: DesktopId, moveId: MoveId });

export const Held = z.object({
  host: HostRef,
  atMs: z.number().min(0),
  records: z.array(OwnershipRecord),
  reservations: z.array(HeldReservation),
  /** Desktops that have files here and do not come in, whoever owns them. */
  desktops: z.array(z.object({ desktop: DesktopId, state: z.string().max(40) })),
  incoming: z.array(OfMove),
  retired: z.array(OfMove),
  outgoing: z.array(z.object({ desktop: DesktopId, copies: z.array(CopyName) })),
  networks: z.array(HeldNetwork),
  /** Moves that have a bandwidth cap. */
  capped: z.array(MoveId),
});
export type Held = z.infer<typeof Held>;

/** One host as reconciliation sees it: what it holds, or why that is not known. */
export type HostLook =
  | { readonly host: HostRef; readonly held: Held }
  | {
      readonly host: HostRef;
      readonly held: null;
      /** `older`: its dom0 does not know the question. */
      readonly why: 'silent' | 'older' | 'unreadable';
      readonly problem: string;
    };
