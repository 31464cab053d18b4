// What `vmshadow fingerprint FILE` says of one desktop of a capture: the same rules as in the cloud, on the whole file as one window.
// The keys of CaptureReport are the command's --json output: stable. What cannot be known is null, and a reason says why.
import type { FingerprintPolicy } from '../../model/policy.js';
import type { GuessedDesktop } from '../session/desktop-guess.js';
import { causalityOf } from '../capture/causality.js';
import { evidenceOf } from '../session/flow-evidence.js';
import type { CapturedFlow, FlowTable } from '../capture/flow-table.js';
import {
  MAX_FLOWS,
  REFERENCE_RTTS_MS,
  type ClientMode,
  type CycleSummary,
  type Fingerprint,
  type FlowCounters,
} from '../model.js';
import { predictAtRtt } from '../session/prediction.js';
import { protocolOfPort } from '../session/protocols.js';
import { updateFingerprint } from './rank.js';
import { findRemoteDesktop } from '../session/remote-desktop.js';
import { summariseFlow } from '../session/summary.js';
import { doubtsOf } from './capture-doubts.js';
import { guessReasons, remarksOn } from './capture-remarks.js';

export interface CaptureCounts {
  packets: number;
  malformed: number;
  truncated: number;
  fragments: number;
  /** Not TCP or UDP over IP. */
  other: number;
  clockJumps: number;
  retransmissions: number;
  /** Packets of flows beyond the table's bound. */
  unkept: number;
  /** After later ones in the file; captured a second time; without a time. */
  outOfOrder: number;
  duplicates: number;
  timeless: number;
}

/** What reading a capture found out beside its packets. */
export interface CaptureNotes {
  /** Why the reading ended early, if it did. */
  readonly problem: string | undefined;
  /** What was put right, for people. */
  readonly mended: readonly string[];
  /** Why its times cannot be trusted. */
  readonly doubts: readonly string[];
  /** Packets that are not TCP or UDP over IP, by what they are. */
  readonly others: ReadonlyMap<string, number>;
}

export interface CaptureReport {
  readonly desktop: string;
  /** Null where the capture cannot say: too short, half of it missing, clocks that differ. */
  readonly rank: number | null;
  readonly rankPaper: number | null;
  readonly protocol: string | null;
  readonly mode: ClientMode;
  readonly client: string | null;
  readonly rttMs: number | null;
  readonly framesPerSecond: number | null;
  readonly thinkMs: number | null;
  readonly turnaroundMs: number | null;
  readonly distanceLimitedShare: number | null;
  readonly predicted: readonly { rttMs: number; framesPerSecond: number; responseMs: number }[];
  readonly reasons: readonly string[];
  readonly counted: CaptureCounts;
  /** What was put right before it was judged. */
  readonly mended: readonly string[];
}

/** The flow that shows the screen, and others of the desktop that may. */
interface ShownFlow {
  readonly flow: CapturedFlow;
  readonly foundBy: 'port' | 'behaviour';
  readonly others: readonly CapturedFlow[];
}

/** Report on the desktop of `table`. */
export function reportDesktop(
  table: FlowTable,
  guess: GuessedDesktop | null,
  counts: CaptureCounts,
  { problem, mended, others, doubts: doubtsOfOrder }: CaptureNotes,
  policy: FingerprintPolicy,
): CaptureReport {
  const shown = shownFlow(table, policy);
  const durationMs = table.activeMs;
  const cycles =
    shown === undefined
      ? undefined
      : summariseFlow(shown.flow, { takenAtMs: durationMs, assumedFps: policy.assumedContentFps });
  const { fingerprint } = updateFingerprint(
    undefined,
    {
      desktop: 'capture',
      startMs: 0,
      endMs: durationMs,
      ...countersOf(table, shown?.flow),
      headersSeen: true,
      remoteDesktop: shown === undefined ? null : { ...shown.flow.key, foundBy: shown.foundBy },
      user: null,
      rttMs: cycles?.rttMs ?? null,
      ...(cycles === undefined ? {} : { cycles }),
    },
    policy,
  );
  const judged = shown?.flow ?? busiest(table);
  const causality = causalityOf(judged?.packets ?? []);
  const doubts = [
    ...doubtsOfOrder.map((why) => `no rank: not to be trusted, ${why}`),
    ...doubtsOf({ table, judged, causality, cycles }),
  ];
  const known = <T>(value: T | null | undefined): T | null => (doubts.length > 0 ? null : (value ?? null));
  return {
    desktop: table.desktop,
    rank: known(fingerprint.rank),
    rankPaper: known(fingerprint.rankPaper),
    protocol: shown === undefined ? null : protocolOf(shown),
    mode: known(cycles?.mode) ?? 'unknown',
    client: shown?.flow.key.peerAddress ?? null,
    rttMs: known(cycles?.rttMs),
    framesPerSecond: known(cycles?.framesPerSecond),
    thinkMs: known(cycles?.thinkMs),
    turnaroundMs: known(cycles?.turnaroundMs),
    distanceLimitedShare:
      cycles === undefined || cycles.frames < 2 ? null : known(cycles.distanceLimitedShare),
    predicted: doubts.length > 0 ? [] : predictedOf(fingerprint),
    reasons: [
      ...(problem === undefined ? [] : [`read up to the damage only: ${problem}`]),
      ...doubts,
      ...mended,
      ...remarksOn({ counts, others, causality, table, shown, judged }),
      ...guessReasons(guess, table),
      ...(doubts.length > 0 ? [] : fingerprint.reasons),
      ...unknownReasons(cycles, shown),
    ],
    counted: {
      ...counts,
      clockJumps: sum(table, (f) => f.clockJumps),
      unkept: table.unkept,
      retransmissions: cycles?.retransmissions ?? 0,
    },
    mended,
  };
}

function busiest(table: FlowTable): CapturedFlow | undefined {
  let most: CapturedFlow | undefined;
  for (const f of table.flows.values())
    if (most === undefined || f.bytesIn + f.bytesOut > most.bytesIn + most.bytesOut) most = f;
  return most;
}

/** The name of a flow's protocol: by its own first bytes, else by a port on which a remote desktop was looked for; never by guessing. */
function protocolOf({ flow, foundBy }: ShownFlow): string | null {
  if (flow.says !== undefined) return flow.says;
  if (foundBy === 'behaviour') return null;
  const byRelay = flow.initiator === 'desktop' ? protocolOfPort(flow.key.peerPort) : null;
  return protocolOfPort(flow.key.desktopPort) ?? byRelay;
}

/** The flow that shows the screen, with the packets that say so. */
function shownFlow(table: FlowTable, policy: FingerprintPolicy): ShownFlow | undefined {
  const flows = [...table.flows.values()].map((flow) => ({
    ...evidenceOf(flow),
    seenMs: table.activeMs,
    address: table.desktop,
    flow,
  }));
  const found = findRemoteDesktop(flows, policy);
  if (found === null) return undefined;
  const rest = flows.filter((f) => f !== found.flow);
  const others = rest.filter((f) => findRemoteDesktop([f], policy) !== null).map((f) => f.flow);
  return { flow: found.flow.flow, foundBy: found.foundBy, others };
}

function countersOf(table: FlowTable, shown: CapturedFlow | undefined) {
  const volume = (f: CapturedFlow) => (f === shown ? Infinity : f.bytesIn + f.bytesOut);
  const ordered = [...table.flows.values()].sort((a, b) => volume(b) - volume(a));
  const plain = ({ key, bytesIn, packetsIn, bytesOut, packetsOut }: CapturedFlow): FlowCounters => ({
    ...key,
    bytesIn,
    packetsIn,
    bytesOut,
    packetsOut,
  });
  const others = ordered.slice(MAX_FLOWS).map(plain);
  const total = (pick: (f: FlowCounters) => number) => others.reduce((n, f) => n + pick(f), 0);
  return {
    flows: ordered.slice(0, MAX_FLOWS).map(plain),
    rest: {
      flows: others.length,
      bytesIn: total((f) => f.bytesIn),
      packetsIn: total((f) => f.packetsIn),
      bytesOut: total((f) => f.bytesOut),
      packetsOut: total((f) => f.packetsOut),
    },
  };
}

function predictedOf(f: Fingerprint): { rttMs: number; framesPerSecond: number; responseMs: number }[] {
  return REFERENCE_RTTS_MS.flatMap((rttMs) => {
    const p = predictAtRtt(f, rttMs);
    return p === null ? [] : [{ rttMs, ...p }];
  });
}

/** One reason a figure that is missing. */
function unknownReasons(cycles: CycleSummary | undefined, found: ShownFlow | undefined): string[] {
  const shown = found?.flow;
  if (cycles === undefined || found === undefined || shown === undefined)
    return ['client, protocol, round trip and frame rate are unknown without a remote-desktop flow'];
  const reasons: string[] = [];
  if (protocolOf(found) === null)
    reasons.push(`protocol unknown: neither port ${shown.key.desktopPort} nor what was captured names one`);
  if (cycles.rttMs === null)
    reasons.push(
      shown.key.protocol === 'udp'
        ? 'round trip unknown: UDP acknowledges nothing'
        : 'round trip unknown: nothing that the desktop sent was acknowledged in the capture',
    );
  if (cycles.thinkMs === null || cycles.turnaroundMs === null)
    reasons.push('think or turnaround unknown: no complete cycle of request and update');
  if (cycles.mode === 'unknown')
    reasons.push('pull or push unknown: too few cycles, or none that tells them apart');
  if (cycles.predicted === null && cycles.doubt !== 'work-or-wait')
    reasons.push('no prediction: fewer complete cycles than it needs');
  return reasons;
}

function sum(table: FlowTable, pick: (f: CapturedFlow) => number): number {
  return [...table.flows.values()].reduce((n, f) => n + pick(f), 0);
}
