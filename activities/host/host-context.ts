// What the activities of a host work with: ports and stores, injected by workers/dom0.ts.
import type { Logger } from 'pino';
import type { HostRef } from '../../domain/model/ids.js';
import type { FingerprintKeeper } from './fingerprint-keeper.js';
import type { DesktopLocks } from './desktop-locks.js';
import type { CapacityGate } from './capacity-gate.js';
import type { PowerMemory } from './power-memory.js';
import type { DesktopNetwork } from '../../ports/desktop-network.js';
import type { Hypervisor, MoveKey } from '../../ports/hypervisor.js';
import type { PeerHost, Peers } from '../../ports/peers.js';
import type { TrafficSource } from '../../ports/traffic.js';
import type { LinkCap } from '../../ports/uplink.js';
import type { OwnershipStore } from '../stores/ownership-store.js';
import type { CreationStore } from '../stores/creation-store.js';
import type { ReservationStore } from '../stores/reservation-store.js';

export interface HostContext {
  readonly self: HostRef;
  readonly capacityGate: CapacityGate;
  readonly hypervisor: Hypervisor;
  readonly network: DesktopNetwork;
  readonly traffic: TrafficSource;
  readonly fingerprints: FingerprintKeeper;
  readonly locks: DesktopLocks;
  readonly ownership: OwnershipStore;
  readonly reservations: ReservationStore;
  readonly creations: CreationStore;
  readonly power: PowerMemory;
  readonly peers: Peers;
  readonly linkCap: LinkCap;
  /** Watch the link to a peer during a move; cuts the move's connections when it is lost. Gives the function that ends the watch. */
  readonly watchLink: (move: MoveKey, peer: PeerHost) => () => void;
  /** Whole days until the first of this host's certificates ends. */
  readonly certificateDaysLeft: () => number;
  /** Median ICMP round trip to an address, ms; null without an answer. */
  readonly ping: (address: string) => Promise<number | null>;
  readonly now: () => number;
  /** Resolve after a time, ms; an own name for it lets a model test decide when that is. */
  readonly wait: (ms: number) => Promise<void>;
  readonly logger: Logger;
}
