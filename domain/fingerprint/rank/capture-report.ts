// What `vmshadow fingerprint FILE` says of one desktop of a capture: the same rules as in the cloud, on the whole file as one window.
// The keys of CaptureReport are the command's --json output: stable. What cannot be known is null, and a reason says why.
import type { FingerprintPolicy } from '../../model/policy.js';
import type { GuessedDesktop } from '../session/desktop-guess.js';
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
}

export interface CaptureReport {
  readonly desktop: string;
  readonly rank: number;
  readonly rankPaper: number;
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
}

/** Report on the desktop of `table`. `problem` is why the reading ended early, if it did. */
export function reportDesktop(
  table: FlowTable,
  guess: GuessedDesktop | null,
  counts: CaptureCounts,
  problem: string | undefined,
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
      remoteDesktop: shown === undefined ? null : { ...shown.flow.key, foundBy: shown.foundBy },
      user: null,
      rttMs: cycles?.rttMs ?? null,
      ...(cycles === undefined ? {} : { cycles }),
    },
    policy,
  );
  return {
    desktop: table.desktop,
    rank: fingerprint.rank,
    rankPaper: fingerprint.rankPaper,
    protocol: shown === undefined ? null : protocolOfPort(shown.flow.key.desktopPort),
    mode: cycles?.mode ?? 'unknown',
    client: shown?.flow.key.peerAddress ?? null,
    rttMs: cycles?.rttMs ?? null,
    framesPerSecond: cycles?.framesPerSecond ?? null,
    thinkMs: cycles?.thinkMs ?? null,
    turnaroundMs: cycles?.turnaroundMs ?? null,
    distanceLimitedShare: cycles === undefined || cycles.frames < 2 ? null : cycles.distanceLimitedShare,
    predicted: predictedOf(fingerprint),
    reasons: [
      ...(problem === undefined ? [] : [`read up to the damage only: ${problem}`]),
      ...guessReasons(guess, table),
      ...fingerprint.reasons,
      ...unknownReasons(cycles, shown?.flow),
    ],
    counted: {
      ...counts,
      clockJumps: sum(table, (f) => f.clockJumps),
      unkept: table.unkept,
      retransmissions: cycles?.retransmissions ?? 0,
    },
  };
}

/** The flow that shows the screen, with the packets that say so. */
function shownFlow(
  table: FlowTable,
  policy: FingerprintPolicy,
): { flow: CapturedFlow; foundBy: 'port' | 'behaviour' } | undefined {
  const flows = [...table.flows.values()].map((flow) => ({ ...evidenceOf(flow), flow }));
  const found = findRemoteDesktop(flows, policy);
  return found === null ? undefined : { flow: found.flow.flow, foundBy: found.foundBy };
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

function guessReasons(guess: GuessedDesktop | null, table: FlowTable): string[] {
  if (guess === null)
    return table.flows.size === 0 ? [`no packet of ${table.desktop} is in the capture`] : [];
  const why = {
    port: 'it serves a remote desktop on a known port',
    behaviour: 'one of its flows behaves like a remote desktop',
    traffic: 'it has most of the traffic; no flow looks like a remote desktop',
  }[guess.why];
  return [`the desktop was guessed: ${why}; --desktop ADDRESS says otherwise`];
}

/** One reason a figure that is missing. */
function unknownReasons(cycles: CycleSummary | undefined, shown: CapturedFlow | undefined): string[] {
  if (cycles === undefined || shown === undefined)
    return ['client, protocol, round trip and frame rate are unknown without a remote-desktop flow'];
  const reasons: string[] = [];
  if (protocolOfPort(shown.key.desktopPort) === null)
    reasons.push(`protocol unknown: port ${shown.key.desktopPort} names none`);
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
