// What the activities of a host take, one schema each: checked at the host, whoever asks. IDs go into file names, interface names and
// command lines below: hence their narrow alphabets.
import { z } from 'zod';
import { Endpoint, Ipv4, Port } from '../../domain/model/address.js';
import { HostCpu } from '../../domain/model/cpu.js';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { DesktopDocument } from '../../domain/model/desktop-document.js';
import { DesktopId, HostRef, MoveId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { CopyName } from '../../domain/reconcile/held.js';
import { MigrationPolicy, type FingerprintPolicy } from '../../domain/model/policy.js';

/** Users probed in one task: some seconds of pings. */
const MAX_PROBED = 200;

const Epoch = z.number().int().min(1);
const Mbps = z.number().positive();
/** IFNAMSIZ is 16 with its zero. */
const InterfaceName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,14}$/i, 'expected a network interface name');
const ExportName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/i, 'expected the name of a disk export');
const Path = z.string().regex(/^[^\0]{1,4096}$/, 'expected a path');
const Word = z.string().min(1).max(200);

const MoveRef = z.object({ desktop: DesktopId, moveId: MoveId });
export type MoveRef = z.infer<typeof MoveRef>;

const PeerAddress = z.object({ host: HostRef, endpoint: Endpoint });

// --- a host's ordinary life

const ReportHost = z.object({
  traffic: z.boolean(),
  // Read by the activity itself: a manager of another release may send another shape, which is no reason to go without a report.
  fingerprint: z.custom<FingerprintPolicy>().optional(),
});
export type ReportHost = z.infer<typeof ReportHost>;

const CreateDesktop = z.object({
  definition: DesktopDefinition,
  image: Path.nullable(),
  clients: z.array(PublicKey),
  start: z.boolean(),
});
export type CreateDesktop = z.infer<typeof CreateDesktop>;

/** `creation` names the workflow run that makes it: only that one may remove what it made. */
const MakeDesktop = CreateDesktop.extend({ creation: MoveId });
export type MakeDesktop = z.infer<typeof MakeDesktop>;

const CreationRef = z.object({ desktop: DesktopId, creation: MoveId });
export type CreationRef = z.infer<typeof CreationRef>;

const EnrollClients = z.object({ desktop: DesktopId, clients: z.array(PublicKey).min(1) });
export type EnrollClients = z.infer<typeof EnrollClients>;

const DesktopPower = z.object({ desktop: DesktopId, action: z.enum(['start', 'stop']) });
export type DesktopPower = z.infer<typeof DesktopPower>;

const EditDesktop = z.object({ desktop: DesktopId, document: DesktopDocument });
export type EditDesktop = z.infer<typeof EditDesktop>;

const RemoveDesktop = z.object({ desktop: DesktopId });
export type RemoveDesktop = z.infer<typeof RemoveDesktop>;

const ProbeUsers = z.object({ addresses: z.array(Ipv4).max(MAX_PROBED) });
export type ProbeUsers = z.infer<typeof ProbeUsers>;

// --- the target of a move

const ReserveTarget = z.object({
  moveId: MoveId,
  definition: DesktopDefinition,
  from: HostRef,
  epoch: Epoch,
  /** Used of the source's disk: about what will come. A source of a release before does not say. */
  diskUsedBytes: z.number().min(0).optional(),
  /** The source's hypervisor. */
  source: z.object({
    driver: Word,
    version: Word,
    machines: z.array(Word).readonly(),
    cpuModel: Word,
    cpu: HostCpu.optional(),
  }),
});
export type ReserveTarget = z.infer<typeof ReserveTarget>;

const TargetMove = z.object({ moveId: MoveId, definition: DesktopDefinition, tap: InterfaceName });
export type TargetMove = z.infer<typeof TargetMove>;

// --- the source of a move

const CheckSource = z.object({ desktop: DesktopId, peer: PeerAddress });
export type CheckSource = z.infer<typeof CheckSource>;

/** `epoch` is the source's present one. */
const SourceMove = MoveRef.extend({ epoch: Epoch, peer: PeerAddress, mbps: Mbps });
export type SourceMove = z.infer<typeof SourceMove>;

/** The target's word; one of a release without relays does not say. */
const Relay = z.object({ diskPort: Port, memoryPort: Port }).optional();

const CopyDisk = SourceMove.extend({
  target: z.object({ endpoint: Endpoint, exportName: ExportName, relay: Relay }),
});
export type CopyDisk = z.infer<typeof CopyDisk>;

const CopyMemory = SourceMove.extend({
  target: Endpoint.extend({ relay: Relay }),
  rule: MigrationPolicy.pick({ pauseBudgetMs: true, maxPauseMs: true, maxRounds: true }),
  forced: z.boolean(),
});
export type CopyMemory = z.infer<typeof CopyMemory>;

/** What undoing needs: `epochs` are those at which this host may own the desktop then (its own, or the one of a reclaim). */
const UndoMove = MoveRef.extend({ epochs: z.array(Epoch).optional() });
export type UndoMove = z.infer<typeof UndoMove>;

const Switchover = MoveRef.extend({
  /** The epoch that the target will own. */
  epoch: Epoch,
  /** The epoch that the source owns, where it is not the one before: the target had refused some in between. */
  sourceEpoch: Epoch.optional(),
  peer: PeerAddress,
  oldExternal: Ipv4,
  newExternal: Ipv4,
  targetKey: PublicKey,
  pauseBudgetMs: z.number().min(0),
  snapshot: z.boolean(),
});
export type SwitchoverRequest = z.infer<typeof Switchover>;

// --- after the commit

const RetireSource = MoveRef.extend({ epoch: Epoch });
export type RetireSource = z.infer<typeof RetireSource>;

const CleanSource = z.object({
  moveId: MoveId,
  /** The disks differ: the set-aside one is the evidence. */
  keepDisk: z.boolean().optional(),
  change: z.object({
    desktop: DesktopId,
    epoch: Epoch,
    oldExternal: Ipv4,
    newExternal: Ipv4,
    targetKey: PublicKey,
  }),
});
export type CleanSource = z.infer<typeof CleanSource>;

// --- reconciliation

const OfDesktop = z.object({ desktop: DesktopId });
export type OfDesktop = z.infer<typeof OfDesktop>;

/** Null: of all desktops. */
const ReportHeld = z.object({ desktop: DesktopId.nullable() });
export type ReportHeld = z.infer<typeof ReportHeld>;

const EndCopies = z.object({ desktop: DesktopId, epoch: Epoch, copies: z.array(CopyName).max(100) });
export type EndCopies = z.infer<typeof EndCopies>;

const FinishMove = MoveRef.extend({ epoch: Epoch, peer: PeerAddress });
export type FinishMove = z.infer<typeof FinishMove>;

const RunHere = MoveRef.extend({ epoch: Epoch, from: HostRef });
export type RunHere = z.infer<typeof RunHere>;

/** By the activities' names. */
export const HOST_INPUTS = {
  reportHost: ReportHost,
  createDesktop: CreateDesktop,
  makeDesktop: MakeDesktop,
  settleCreation: CreationRef,
  discardCreation: CreationRef,
  enrollClients: EnrollClients,
  desktopPower: DesktopPower,
  editDesktop: EditDesktop,
  removeDesktop: RemoveDesktop,
  probeUsers: ProbeUsers,
  reserveTarget: ReserveTarget,
  prepareReplica: TargetMove,
  prepareIncoming: TargetMove,
  dropTarget: MoveRef,
  settleTarget: MoveRef,
  checkSource: CheckSource,
  copyDisk: CopyDisk,
  switchToSync: SourceMove,
  copyMemory: CopyMemory,
  cancelMemory: UndoMove,
  cancelDisk: UndoMove,
  switchover: Switchover,
  retireSource: RetireSource,
  hashRetired: MoveRef,
  hashSnapshot: MoveRef,
  cleanSource: CleanSource,
  reportHeld: ReportHeld,
  endCopies: EndCopies,
  finishMove: FinishMove,
  runHere: RunHere,
  settleDeadMove: MoveRef,
  detachStale: OfDesktop,
  uncapMove: MoveRef,
} as const;
