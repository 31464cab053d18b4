// The cells of the NAT bench: each kind of NAT, and who sends first after the move; datagrams of both ends.
import { NATS, type NatKind } from '../../test/system/guest-proxy/support/lab.js';

export interface Cell {
  readonly nat: NatKind;
  readonly protocol: 'tcp' | 'udp';
  /** Who sends: the client first, the desktop only, or both. */
  readonly first: 'client' | 'desktop' | 'both';
}

export const CELLS: readonly Cell[] = (Object.keys(NATS) as NatKind[]).flatMap((nat) => [
  ...(['client', 'desktop', 'both'] as const).map((first) => ({ nat, protocol: 'tcp' as const, first })),
  { nat, protocol: 'udp', first: 'both' },
]);

export const nameOf = ({ nat, protocol, first }: Cell): string =>
  `${nat}/${protocol === 'udp' ? 'udp' : first}`;

/** What one run of a cell gave. */
export interface Measured {
  readonly connections: number;
  /** Connections that were not on their own path two seconds after the move. */
  readonly relayed: number;
  /** What the relay adds to their round trip; null where none uses it. */
  readonly relayRttMs: number | null;
  readonly intact: boolean;
  /** Datagrams that did not arrive; null for TCP. */
  readonly lost: number | null;
  /** Longest silence of a receiver, the pause included. */
  readonly gapMs: number;
  readonly pauseMs: number;
  /** Packets that left the NAT untranslated. */
  readonly leaked: number;
}
