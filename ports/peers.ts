// The port through which one dom0 asks another one directly: only what must not wait for a Temporal round trip. Both ends know each other
// by certificates. What any channel promises is claimed in test/compliance/peers.ts.
import type { Endpoint } from '../domain/model/address.js';
import type { DesktopId, HostRef } from '../domain/model/ids.js';
import type { DesktopNetworkState } from './desktop-network.js';

/** A move as both hosts know it; `epoch` is the one that the target would own. */
export interface SwitchoverKey {
  readonly desktop: DesktopId;
  readonly moveId: string;
  readonly epoch: number;
}

export interface CommitAnswer {
  readonly decision: 'owner' | 'refused';
  /** Wall clock of the target when its copy ran; null when refused. */
  readonly runningAtMs: number | null;
}

/**
 * A peer host, at a known address and with a known name: one of another name is not asked. Every call but `ping` throws what the other host
 * did, by code and message (INTERNAL for what is no error of ours, INPUT_INVALID for what is no request), and HOST_UNREACHABLE when there
 * is no answer: then the other host may have been asked or not.
 */
export interface PeerHost {
  /** Tell whether it answers at all; never throws. */
  ping(signal: AbortSignal): Promise<boolean>;
  /** Guard the desktop's flows and know its clients (before the pause). */
  expect(
    key: SwitchoverKey,
    change: { oldExternal: string; newExternal: string },
    state: DesktopNetworkState,
  ): Promise<void>;
  /** Confirm that the copy is complete and paused. */
  confirm(key: SwitchoverKey): Promise<void>;
  /** Commit: write `owner` durably and run, or `refused` if the copy cannot run. Idempotent; the answer never changes. */
  commit(key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer>;
}

/** The other end of a move: who, and where it answers. */
export interface PeerAddress {
  readonly host: HostRef;
  readonly endpoint: Endpoint;
}

export interface Peers {
  connect(host: HostRef, endpoint: Endpoint): PeerHost;
}

/** What a host answers its peers; `from` is the authenticated caller (activities/switchover/target-side.ts). */
export interface PeerRequests {
  expect(
    from: HostRef,
    key: SwitchoverKey,
    change: { oldExternal: string; newExternal: string },
    state: DesktopNetworkState,
  ): Promise<void>;
  confirm(from: HostRef, key: SwitchoverKey): Promise<void>;
  commit(from: HostRef, key: SwitchoverKey, options: { snapshot: boolean }): Promise<CommitAnswer>;
}
