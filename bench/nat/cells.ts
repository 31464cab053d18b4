// The cells of the NAT bench: each kind of NAT, and who sends first after the move.
import { NATS, type NatKind } from '../../test/system/guest-proxy/support/lab.js';

export interface Cell {
  readonly nat: NatKind;
  /** Who sends: the client first, the desktop only, or both. */
  readonly first: 'client' | 'desktop' | 'both';
}

export const CELLS: readonly Cell[] = (Object.keys(NATS) as NatKind[]).flatMap((nat) =>
  (['client', 'desktop', 'both'] as const).map((first) => ({ nat, first })),
);

export const nameOf = ({ nat, first }: Cell): string => `${nat}/${first}`;

/** What one run of a cell gave. */
export interface Measured {
  readonly connections: number;
  /** Connections that were not on their own path two seconds after the move. */
  readonly relayed: number;
  /** What the relay adds to their round trip; null where none uses it. */
  readonly relayRttMs: number | null;
  readonly intact: boolean;
  /** Longest silence of a receiver, the pause included. */
  readonly gapMs: number;
  readonly pauseMs: number;
  /** Packets that left the NAT untranslated. */
  readonly leaked: number;
}
