// The port of a host's networking for its desktops: tap and addresses, the host side of the connection proxy, packets held while a
// desktop is paused. Implemented by guest-proxy/host. Every call may be made again, after a crash of the process too: what it made outlives
// the process. Undoing what is not there is fine; other calls throw UNKNOWN_DESKTOP for a desktop that was never attached, INPUT_INVALID for
// an address that is not the desktop's here or a key that is none, FENCED for an epoch older than the newest that this host has committed.
// What any network promises is claimed in test/compliance/desktop-network.ts.
import type { Endpoint } from '../domain/model/address.js';
import type { DesktopDefinition } from '../domain/model/desktop.js';
import type { DesktopId, SiteId } from '../domain/model/ids.js';

/** What is known of a user's end, as last reported by the client's proxy. */
export interface UserEndpointReport {
  readonly desktop: DesktopId;
  /** Public key of the client's proxy, base64. */
  readonly client: string;
  /** Address and port as this host sees them (behind a NAT: the NAT's). */
  readonly seenAs: Endpoint;
  /** Median of recent probes per site, ms, with the age of the newest. */
  readonly rtts: readonly { readonly site: SiteId; readonly rttMs: number; readonly ageMs: number }[];
}

/** Connections of a desktop that is here and goes on being known to their peers by an address of an earlier site, over that site's host. */
export interface RelayedConnections {
  readonly desktop: DesktopId;
  readonly oldExternal: string;
  readonly connections: number;
  /** Between the two hosts: what these connections pay; null while it is not measured. */
  readonly rttMs: number | null;
}

/** One change of address of a desktop, agreed between two hosts; `epoch` is the one that the target will own. */
export interface AddressChange {
  readonly desktop: DesktopId;
  readonly epoch: number;
  readonly oldExternal: string;
  readonly newExternal: string;
  /** Ed25519 public key of the target's dom0, base64: only it may speak for `epoch`. */
  readonly targetKey: string;
}

/** What the target's proxy needs to serve the desktop's users: enrolled clients, and flows that still use an earlier address. */
export interface DesktopNetworkState {
  readonly clients: readonly string[];
  /** Opaque to callers, checked by the proxy itself. */
  readonly flows: unknown;
}

/** What a host's network keeps for a desktop. */
export interface HeldNetwork {
  readonly desktop: DesktopId;
  /** It has a tap here. */
  readonly attached: boolean;
  readonly external: string | null;
  /** Its clients were told of this change, which is neither done nor undone. */
  readonly outgoing: AddressChange | null;
  /** It has gone, and what comes for the old address is sent on. */
  readonly moved: readonly AddressChange[];
}

export interface DesktopNetwork {
  /** This host's Ed25519 public key, base64. */
  readonly publicKey: string;
  /** Make the tap with the desktop's gateway address (the same IP and MAC on every host); gives the tap's name, of 15 characters at most. */
  attach(definition: DesktopDefinition): Promise<string>;
  /** Remove tap, rules, addresses and state of the desktop. */
  detach(desktop: DesktopId): Promise<void>;
  /** Take an external address of this host's pool for the desktop, durably; the same one when asked again. Throws NO_CAPACITY when all are taken. */
  allocateExternal(desktop: DesktopId): Promise<string>;
  /** Its external address here; null for one that has none. */
  externalOf(desktop: DesktopId): Promise<string | null>;
  /** Give the address back and stop answering for it. */
  releaseExternal(desktop: DesktopId): Promise<void>;
  /** Put the default rewrite rule in force, external <-> internal, for a desktop that has an external address. */
  activate(definition: DesktopDefinition): Promise<void>;
  /** Let these clients (Ed25519 public keys, base64) speak for the desktop's users. */
  enroll(desktop: DesktopId, clients: readonly string[]): Promise<void>;
  exportState(desktop: DesktopId): Promise<DesktopNetworkState>;
  /** Add what another host knows; the newer epoch stands. Throws INPUT_INVALID for what no network exported. */
  importState(desktop: DesktopId, state: DesktopNetworkState): Promise<void>;

  // --- source side of a move
  /** Tell all clients of the coming change; they install their incoming rules, open the NAT towards the new address, and say so. */
  prepareClients(change: AddressChange, timeoutMs: number): Promise<{ prepared: number; silent: number }>;
  /** Undo `prepareClients`. */
  abortClients(change: AddressChange): Promise<void>;
  /** Hold packets for the (stopped) desktop from now on, in order, bounded. Both releases give the number of those held, and 0 when asked again. */
  hold(desktop: DesktopId): Promise<void>;
  /** Let held packets go to the local desktop (the move failed). */
  releaseHere(desktop: DesktopId): Promise<{ packets: number }>;
  /** From now on send what arrives for the old address on to the new one; held packets first. The address stays taken until `forgetMoved`. */
  releaseTo(change: AddressChange): Promise<{ packets: number }>;
  /** Stop forwarding for the old address and give it back, once no connection of a peer without a proxy uses it any more or their time is over. */
  forgetMoved(change: AddressChange): Promise<void>;

  // --- target side of a move
  /** Guard the desktop's flows until its clients have been heard (no RST in or out). */
  expect(change: AddressChange): Promise<void>;
  /**
   * Tell all clients that the desktop now runs here: they switch their outgoing rules. Repeats until confirmed or `timeoutMs`. Throws
   * NOT_OWNER when the change names another host's key.
   */
  commitClients(change: AddressChange, timeoutMs: number): Promise<{ confirmed: number; silent: number }>;

  /** What is kept here, of all desktops or of one. */
  held(desktop?: DesktopId): Promise<HeldNetwork[]>;
  /** The users whose clients are heard at their desktops' present addresses here. */
  userEndpoints(): Promise<UserEndpointReport[]>;
  /** Connections of desktops that are here and still go over the host of an earlier site. */
  relayed(): Promise<RelayedConnections[]>;
  /** What others took away and was put back since the start, and what of others is in the way now, each in plain words with what to do. */
  notes(): Promise<readonly string[]>;
}
