// Why no figure of a capture can be trusted, or no rank be known: then there is none, and a reason says so.
import { clocksDiffer, type Causality } from '../capture/causality.js';
import type { CapturedFlow, FlowTable } from '../capture/flow-table.js';
import type { CycleSummary } from '../model.js';
import { evidenceOf } from '../session/flow-evidence.js';
import { HANDSHAKE_MOST, keptMs } from '../session/summary.js';
import { ENOUGH_CYCLES } from '../session/replay.js';
import { peersOfFtp, whyUndecided } from '../session/undecided.js';

/** A rate needs some time to be one. */
const LEAST_MS = 1_000;
/** So few packets may be a greeting alone, whatever comes after it: nothing of a session was seen, nor that there is none. */
const GREETING_PACKETS = 16;
/** Round trips for twice the cycles that a prediction needs, of what the beginning of a session leaves. */
const ENOUGH_ROUND_TRIPS = (2 * ENOUGH_CYCLES) / (1 - HANDSHAKE_MOST);

interface Doubtful {
  readonly table: FlowTable;
  /** The flow that shows the screen, or the busiest. */
  readonly judged: CapturedFlow | undefined;
  readonly causality: Causality;
  /** Of the flow that shows the screen; undefined: none was found. */
  readonly cycles: CycleSummary | undefined;
}

/** List what stands against every figure; empty where all can be trusted. */
export function doubtsOf({ table, judged, causality, cycles }: Doubtful): string[] {
  const doubts: string[] = [];
  if (table.activeMs < LEAST_MS)
    doubts.push(
      `no rank: the capture lasts ${table.activeMs.toFixed(table.activeMs < 10 ? 1 : 0)} ms, and rates need at least a second`,
    );
  const packets = [...table.flows.values()].reduce((n, f) => n + f.packetsIn + f.packetsOut, 0);
  if (packets <= GREETING_PACKETS)
    doubts.push(
      `no rank: the capture holds ${packets} ${packets === 1 ? 'packet' : 'packets'} of the desktop, too few to tell what it does`,
    );
  if (judged !== undefined && (judged.packetsIn === 0 || judged.packetsOut === 0))
    doubts.push(
      `no rank: only one direction was captured, ${judged.packetsIn === 0 ? 'from' : 'to'} the desktop; capture where both pass`,
    );
  if (judged !== undefined && judged.unkeptPackets > 0 && keptMs(judged) < LEAST_MS)
    doubts.push(
      `no rank: beside ${table.flows.size - 1} other flows only the first ${keptMs(judged).toFixed(0)} ms of the one that was judged were kept, ` +
        'and rates need at least a second; leave the others out (tcpdump -r FILE -w LESS host USER)',
    );
  if (clocksDiffer(causality))
    doubts.push(
      `no rank: not to be trusted, the clocks of the two directions differ: ${causality.early} of ${causality.acknowledgements} ` +
        `acknowledgements come before what they acknowledge, by ${causality.earlyMs.toFixed(1)} ms in the middle`,
    );
  if (doubts.length > 0) return doubts;
  return cycles === undefined ? undecided(table) : tooShort(cycles, table.activeMs);
}

/** Few updates may be few because each waits for the user, and not because little happens. */
function tooShort({ doubt, rttMs }: CycleSummary, lastsMs: number): string[] {
  if (doubt !== 'few' || rttMs === null || lastsMs >= ENOUGH_ROUND_TRIPS * rttMs) return [];
  return [
    `no rank: the capture lasts ${(lastsMs / 1000).toFixed(1)} s, too short for a round trip of ${rttMs.toFixed(0)} ms; ` +
      `capture ${Math.ceil((ENOUGH_ROUND_TRIPS * rttMs) / 1000)} s or more`,
  ];
}

/** The busiest flow of which it cannot be told whether it shows a screen. */
function undecided(table: FlowTable): string[] {
  const volume = (f: CapturedFlow) => f.bytesIn + f.bytesOut;
  const ftp = peersOfFtp([...table.flows.values()].map((f) => f.key));
  for (const flow of [...table.flows.values()].sort((a, b) => volume(b) - volume(a))) {
    const seen = { ...evidenceOf(flow), address: table.desktop, seenMs: table.activeMs };
    const why = ftp.has(flow.key.peerAddress) ? null : whyUndecided(seen);
    if (why === null) continue;
    const { protocol, desktopPort, peerAddress, peerPort } = flow.key;
    const port = flow.initiator === 'desktop' ? peerPort : desktopPort;
    return [
      `no rank: whether ${protocol} port ${port} with ${peerAddress} shows a screen cannot be told: ${why}; ` +
        `--port ${port} says that it does`,
    ];
  }
  return [];
}
