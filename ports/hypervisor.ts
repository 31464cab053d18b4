// The port that hypervisor drivers implement (drivers/qemu now; Xen + DRBD later). All calls are idempotent: an activity that was
// killed in the middle calls again and goes on. Nothing here decides about ownership: the caller has checked the epoch. Undoing what is not
// there is fine; other calls throw UNKNOWN_DESKTOP for a desktop that this host has no files of, DESKTOP_DOWN for one without a process,
// NO_MOVE for a move that this host knows nothing of, TOO_LATE for one that has been activated, MOVE_IN_PROGRESS where another move is under
// way. What any driver promises is claimed in test/compliance/hypervisor.ts.
import type { DesktopDefinition, DesktopState, PowerWish } from '../domain/model/desktop.js';
import type { HostCpu } from '../domain/model/cpu.js';
import type { Quiet } from '../domain/model/quiet.js';
import type { MachineResources } from '../domain/model/real-room.js';
import type { Endpoint } from '../domain/model/address.js';
import type { DirtyRates } from '../domain/migration/dirty-rates.js';
import type { SavedBytes } from '../domain/migration/saved-bytes.js';
import type { DesktopId, HostRef } from '../domain/model/ids.js';

/** One move of one desktop. `moveId` names the target's files, exports and ports, so that two tries never mix. */
export interface MoveKey {
  readonly desktop: DesktopId;
  readonly moveId: string;
}

export interface HypervisorInfo {
  readonly driver: string;
  /** As the hypervisor says it, e.g. `10.0.2`; both ends must agree on major.minor or the target be newer. */
  readonly version: string;
  readonly machines: readonly string[];
  readonly cpuModel: string;
  /** What it can give of its processor; missing where it is not told (a release before). */
  readonly cpu?: HostCpu | undefined;
}

export interface DesktopRuntime {
  readonly definition: DesktopDefinition;
  readonly state: DesktopState;
  /** What was last asked for here: a guest that has shut itself down is `stopped` and still wanted `running`, until `stop` is called. */
  readonly wanted: PowerWish;
  /** Process of the running copy, when there is one. */
  readonly pid: number | null;
  /** Host bytes that the disk really takes. */
  readonly diskUsedBytes: number;
  /** Host bytes that its process really takes; 0 without one. */
  readonly memoryUsedBytes: number;
  /** Of a guest that runs where it was made and has not sent a packet yet, where the driver can tell. */
  readonly quiet?: Quiet;
  /** The process of its TPM has died, and cannot be replaced while it runs: such a copy is neither moved nor activated. */
  readonly tpmLost?: true;
}

/** Ports of the target's relay, where it wants the streams of a move through one (docs/transfer.md). */
export interface RelayPorts {
  readonly diskPort: number;
  readonly memoryPort: number;
}

/** Where the target takes the disk (NBD over TLS). */
export interface DiskTarget {
  readonly endpoint: Endpoint;
  readonly exportName: string;
  readonly relay?: RelayPorts | undefined;
}

/** Where the target takes the memory. */
export interface MemoryTarget extends Endpoint {
  readonly relay?: RelayPorts | undefined;
}

/** What of moves a host has, whoever began them. */
export interface MovesHere {
  /** Copies that come in and have not been activated. */
  readonly incoming: readonly MoveKey[];
  /** Disks that were set aside. */
  readonly retired: readonly MoveKey[];
  /** Copies of a desktop's disk or memory to elsewhere, ended ones that left something too, by the driver's own names. */
  readonly outgoing: readonly { readonly desktop: DesktopId; readonly copies: readonly string[] }[];
}

/** What the streams of a move have put on the wire so far: IP packets in whole. Null: not known. */
export interface WireBytes {
  readonly disk: number | null;
  readonly memory: number | null;
}

/** What relays have kept off the wire so far, of the whole move; missing where none tells. */
interface Relayed {
  readonly saved?: SavedBytes | undefined;
}

export interface CopyProgress extends Relayed {
  /** `none`: not begun, cancelled, or finished by the switchover. `ready`: the target has everything and is kept up. `failed` carries the reason. */
  readonly state: 'none' | 'copying' | 'ready' | 'synchronous' | 'failed';
  /** Of the disk as the guest sees it: zeros count, of which next to nothing crosses the wire. Never falls while a copy lasts. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly wireBytes: number | null;
  readonly error: string | null;
}

export interface MemoryProgress extends Relayed {
  /** Of this move: `none` before it has begun and after it was cancelled. */
  readonly state:
    'none' | 'setup' | 'active' | 'pre-switchover' | 'device' | 'completed' | 'failed' | 'cancelled';
  /** Rounds of pre-copy begun, from 1; never falls while a copy lasts. */
  readonly round: number;
  readonly wireBytes: number | null;
  /** Pages that the target lacks, zeros included. */
  readonly remainingBytes: number;
  readonly totalBytes: number;
  /** Bytes a second that the guest dirties, as last measured. */
  readonly dirtyBytesPerSecond: number;
  /** Bytes a second that the copy makes. */
  readonly bytesPerSecond: number;
  readonly error: string | null;
}

export interface SwitchoverResult extends Relayed {
  /** Wall clock of the source host when the guest stopped, ms since 1970. */
  readonly stoppedAtMs: number;
  /** As the hypervisor reports it for the memory (QEMU `downtime`), ms. */
  readonly downtimeMs: number;
  /** Of the whole move. */
  readonly wireBytes: WireBytes;
}

export interface Hypervisor {
  info(): Promise<HypervisorInfo>;
  /** What the machine itself has left, now: free room for disks, memory for processes. */
  resources(): Promise<MachineResources>;

  // --- desktops of this host
  /**
   * Make the desktop's disk (copied from `image`, or empty) and keep its definition; nothing runs yet. What an interrupted creation has left is
   * made anew. `onProgress` hears now and then how many bytes of the image are copied, zeros included, of how many; the signal ends the copy,
   * removes what it has made and its reason is thrown. Throws ALREADY_EXISTS for another desktop, OUT_OF_SPACE where the copy finds no room,
   * INPUT_INVALID for an image, kernel or initrd that is not in an image folder of this host, or refers to other files.
   */
  create(
    definition: DesktopDefinition,
    tap: string,
    image: string | null,
    onProgress?: (doneBytes: number, totalBytes: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Start a desktop without a living guest: one that was created, stopped, has shut itself down, or has crashed. Any other is left as it is. */
  start(desktop: DesktopId): Promise<void>;
  /** Shut down (ACPI, then after `graceMs` by force). The disk stays. */
  stop(desktop: DesktopId, graceMs: number): Promise<void>;
  /**
   * Give a desktop that does not run, or has powered itself off, another definition of the same disks and firmware, which counts from its next
   * start on. Throws DESKTOP_RUNNING for one that runs, INPUT_INVALID for images that are not in an image folder of this host.
   */
  redefine(definition: DesktopDefinition): Promise<void>;
  /** Remove disk and definition of a desktop that does not run, also of one that has powered itself off, and what an interrupted creation has left. Throws DESKTOP_RUNNING for one that does. */
  remove(desktop: DesktopId): Promise<void>;
  /** All desktops that this host has files of, with what their process does; found again after a restart of the worker. */
  list(): Promise<DesktopRuntime[]>;
  /** One of them, as `list` tells it; null for a desktop that this host has no files of. */
  get(desktop: DesktopId): Promise<DesktopRuntime | null>;
  /**
   * How fast a running desktop has rewritten its memory (in a sample since the last call) and its disk (since the last call); measures on.
   * Never fails and takes a second or two at most: nulls for a desktop that does not run or answer.
   */
  dirtyRates(desktop: DesktopId): Promise<DirtyRates>;
  /**
   * Set the clock of a guest to this host's, through its agent; gives by how many ms it was behind. Never fails and takes some seconds at most:
   * null where its definition has no agent or none answers.
   */
  setClock(desktop: DesktopId): Promise<number | null>;
  /** The addresses that a guest's agent tells, those beyond loopback; as little patience, and null as above. */
  addresses(desktop: DesktopId): Promise<readonly string[] | null>;
  /** Let a paused copy run, or one that was out of space try its write again. */
  resume(desktop: DesktopId): Promise<void>;

  /** What of moves is here, of all desktops or of one. A desktop whose process does not answer is left out of `outgoing`. */
  moves(desktop?: DesktopId): Promise<MovesHere>;

  // --- target side of a move
  /**
   * Make an empty replica and serve it to the host `from` alone; called again, it gives the same endpoint, with what was copied still there.
   * The desktop is listed as `incoming` from now on. Throws ALREADY_THERE where the desktop is, INPUT_INVALID for another definition than before.
   */
  prepareDisk(move: MoveKey, definition: DesktopDefinition, from: HostRef): Promise<DiskTarget>;
  /** Start the target copy, waiting for memory of the host `from` alone. A leftover of an earlier try is replaced; the disk stays. */
  prepareMemory(
    move: MoveKey,
    definition: DesktopDefinition,
    tap: string,
    from: HostRef,
  ): Promise<MemoryTarget>;
  /** See that memory and disk are complete and the copy stands `paused`; stops serving the disk. Throws MEMORY_COPY if not. */
  confirmComplete(move: MoveKey): Promise<void>;
  /**
   * Make the received copy this host's desktop and let it run (after `owner` was written). `snapshot`: keep a view of the disk as it is now.
   * Throws MEMORY_COPY with `details.ran` false when the copy has never run and never can, DESKTOP_DOWN when it ran here and died.
   */
  activate(move: MoveKey, snapshot: boolean): Promise<void>;
  /** Drop replica, copy and server of this move, whatever state they are in. Never touches an activated desktop, but for its view. */
  discardTarget(move: MoveKey): Promise<void>;
  /**
   * SHA-256 over the disk as it was at `activate`, in hexadecimal; drops the view afterwards, and gives the same again. Throws DISK_COPY where
   * there is no view: none was wanted, or a later move has begun.
   */
  hashSnapshot(move: MoveKey, signal: AbortSignal): Promise<string>;

  // --- source side of a move
  /** Begin to copy the disk, or change the cap of a copy under way; one that failed begins anew. Throws HOST_UNREACHABLE, DISK_COPY. */
  startDiskCopy(move: MoveKey, target: DiskTarget, mbps: number): Promise<void>;
  diskProgress(move: MoveKey): Promise<CopyProgress>;
  /** Wait until the target has everything and replication is synchronous. Throws DISK_COPY when there is no copy, or it failed. */
  makeSynchronous(move: MoveKey, signal: AbortSignal): Promise<void>;
  /**
   * Begin pre-copy, which never stops the guest by itself, or change the cap of one under way; a target that is not there shows as `failed`.
   * Throws MEMORY_COPY for a guest that does not run.
   */
  startMemoryCopy(move: MoveKey, target: MemoryTarget, mbps: number): Promise<void>;
  memoryProgress(move: MoveKey): Promise<MemoryProgress>;
  /**
   * Stop the guest and bring memory and disk over: resolves when both are, with the source `postmigrate`; asked again, it gives the same.
   * `onStopped` is called once, at once when the guest has stopped (hold its packets). Rejects with the source running: CONVERGENCE when the
   * rest does not fit the budget (the guest was not stopped, the copy goes on), MEMORY_COPY, DISK_COPY, LINK_LOST, the signal's reason.
   */
  switchover(
    move: MoveKey,
    pauseBudgetMs: number,
    onStopped: (stoppedAtMs: number) => void,
    signal: AbortSignal,
  ): Promise<SwitchoverResult>;
  /** End the memory copy; the source runs on (resumed where it had stopped); the disk stays in sync unless the pause had begun. */
  cancelMemoryCopy(move: MoveKey): Promise<void>;
  /** End replication and forget the target's disk; the source runs on. Cuts (yank) first where the link is dead. */
  cancelDiskCopy(move: MoveKey): Promise<void>;
  /** End those copies of a desktop to elsewhere, as `moves` names them; it runs on, resumed where it had stopped for one of them. */
  endCopies(desktop: DesktopId, copies: readonly string[]): Promise<void>;
  /** Cut the move's connections at once, without waiting for the peer (the watchdog's first step when the link is lost). */
  cutLink(move: MoveKey): Promise<void>;
  /**
   * End the source's process for ever and set its disk aside (kept for the grace time): the host has the desktop no more. Throws INPUT_INVALID
   * at the host that the desktop came to by this move.
   */
  retireSource(move: MoveKey): Promise<void>;
  /** SHA-256 over the retired disk, as `hashSnapshot` does it: equal for a disk that came over whole. */
  hashRetired(move: MoveKey, signal: AbortSignal): Promise<string>;
  /** Remove the retired disk. */
  removeRetired(move: MoveKey): Promise<void>;
}
