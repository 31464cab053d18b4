// What the activities of a host work with: ports and stores, injected by workers/dom0.ts.
import type { Logger } from 'pino';
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import type { Capacity } from '../../domain/model/capacity.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { HostRef } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';
import type { FingerprintKeeper } from '../fingerprint/fingerprint-keeper.js';
import type { CapacityGate } from './capacity-gate.js';
import type { DesktopNetwork } from '../ports/desktop-network.js';
import type { Hypervisor, MoveKey } from '../ports/hypervisor.js';
import type { PeerHost, Peers } from '../ports/peers.js';
import type { OwnershipStore } from '../stores/ownership-store.js';
import type { ReservationStore } from '../stores/reservation-store.js';

/** Traffic windows of the desktops of this host since the last call; sampled by `policy` from now on. */
export interface TrafficSource {
  collect(policy: SamplingPolicy): Promise<TrafficWindow[]>;
}

/** Holds the cap of a move on the wire; the port in front of transfer/rate-cap. */
export interface LinkCap {
  /** Put `port` of the peer under the move's cap, megabits a second for all its ports together. */
  cap(moveId: string, peer: string, port: number, mbps: number): Promise<void>;
  uncap(moveId: string): Promise<void>;
}

export interface HostContext {
  readonly self: HostRef;
  readonly capacity: Capacity;
  readonly capacityGate: CapacityGate;
  readonly hypervisor: Hypervisor;
  readonly network: DesktopNetwork;
  readonly traffic: TrafficSource;
  readonly fingerprints: FingerprintKeeper;
  readonly ownership: OwnershipStore;
  readonly reservations: ReservationStore;
  readonly peers: Peers;
  readonly linkCap: LinkCap;
  /** Watch the link to a peer during a move; cuts the move's connections when it is lost. Gives the function that ends the watch. */
  readonly watchLink: (move: MoveKey, peer: PeerHost) => () => void;
  /** Median ICMP round trip to an address, ms; null without an answer. */
  readonly ping: (address: string) => Promise<number | null>;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The other end of a move: who, and where it answers. */
export interface PeerAddress {
  readonly host: HostRef;
  readonly endpoint: Endpoint;
}
