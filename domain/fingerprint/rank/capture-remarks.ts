// What the reader of a report should know beside its figures: what was not looked into, holes, clocks, and who else may be the desktop.
import type { Causality } from '../capture/causality.js';
import { MAX_FLOWS_KEPT, type CapturedFlow, type FlowTable } from '../capture/flow-table.js';
import type { GuessedDesktop } from '../session/desktop-guess.js';
import { keptMs } from '../session/summary.js';
import { passiveRoundTrip } from '../session/round-trip.js';
import type { CaptureCounts } from './capture-report.js';

/** Share of packets of one strange kind, or of acknowledgements of nothing, from which on it is said. */
const WORTH_SAYING = 0.01;
/** A desktop beside the capture acknowledges sooner than this. */
const BESIDE_MS = 5;
/** Without a handshake so many acknowledgements have to be late: systems may delay single ones. */
const ENOUGH_LATE = 20;

interface Remarkable {
  readonly counts: CaptureCounts;
  readonly others: ReadonlyMap<string, number>;
  readonly causality: Causality;
  readonly table: FlowTable;
  readonly shown: { readonly flow: CapturedFlow; readonly others: readonly CapturedFlow[] } | undefined;
  readonly judged: CapturedFlow | undefined;
}

/** What the reader should know of a capture that is judged nevertheless. */
export function remarksOn({ counts, others, causality, table, shown, judged }: Remarkable): string[] {
  const many = (n: number, of: number) => n > 0 && n >= WORTH_SAYING * of;
  const strange = [...others].filter(([, n]) => many(n, counts.packets)).sort((a, b) => b[1] - a[1]);
  return [
    ...(strange.length === 0
      ? []
      : [
          `not looked into: ${strange
            .slice(0, 3)
            .map(([what, n]) => `${n} of ${counts.packets} packets are ${what}`)
            .join(', ')}`,
        ]),
    ...(many(counts.truncated, counts.packets)
      ? [
          `${counts.truncated} packets were cut before their ports could be read: capture at least 96 bytes of each`,
        ]
      : []),
    ...(many(causality.unseen, causality.acknowledgements)
      ? [
          `the capture has gaps: ${causality.unseen} acknowledgements are of data that was never captured; rates may be too low`,
        ]
      : many(causality.missingBytes, causality.bytes)
        ? [
            `the capture has gaps: ${Math.ceil(causality.missingBytes / 1000)} kB that were sent were never captured; rates may be too low`,
          ]
        : []),
    ...jumpRemarks(table),
    ...leftOut(table, judged),
    ...nearSideRemarks(judged),
    ...(shown?.others ?? [])
      .slice(0, 3)
      .map(
        ({ key }) =>
          `another flow of it looks like a remote desktop too: ${key.protocol} port ${key.desktopPort} with ${key.peerAddress}`,
      ),
    ...(counts.timeless > 0 ? [`${counts.timeless} packets carry no time and were left out`] : []),
  ];
}

/** What was counted only, so that memory is bounded. */
function leftOut(table: FlowTable, judged: CapturedFlow | undefined): string[] {
  return [
    ...(judged === undefined || judged.unkeptPackets === 0
      ? []
      : [
          `judged by the first ${(keptMs(judged) / 1000).toFixed(0)} s of its flow, ${judged.packets.length} packets; ` +
            `${judged.unkeptPackets} later ones were only counted (editcap -A and -B cut a capture)`,
        ]),
    ...(table.unkept === 0
      ? []
      : [`${table.unkept} packets of flows beyond the first ${MAX_FLOWS_KEPT} were not looked into`]),
  ];
}

/** The clock of a capture stepped, or several captures are in it. */
function jumpRemarks(table: FlowTable): string[] {
  const jumps = Math.max(0, ...[...table.flows.values()].map((f) => f.clockJumps));
  return jumps === 0
    ? []
    : [
        `the clock of the capture jumped, or nothing was captured for a while, ${jumps === 1 ? 'once' : `${jumps} times`}: that time was left out`,
      ];
}

/** Beside the desktop its own side answers at once. */
function nearSideRemarks(flow: CapturedFlow | undefined): string[] {
  const awayMs = flow === undefined ? null : nearSideMs(flow);
  return awayMs === null || awayMs < BESIDE_MS
    ? []
    : [
        `the desktop’s own side acknowledges after ${awayMs.toFixed(0)} ms at best: the capture was taken away from the desktop, or the clocks of the two ` +
          'directions differ; what is said of distance and work is off by as much',
      ];
}

/** How soon the desktop’s side acknowledges, by the handshake where it was captured, ms; null where that is not to be told. */
function nearSideMs({ packets }: CapturedFlow): number | null {
  const asked = packets.find((p) => !p.fromDesktop && p.tcp?.syn === true && !p.tcp.ack);
  const answered = packets.find((p) => p.fromDesktop && p.tcp?.syn === true && p.tcp.ack);
  if (asked !== undefined && answered !== undefined) return answered.atMs - asked.atMs;
  const seen = passiveRoundTrip(packets.map((p) => ({ ...p, fromDesktop: !p.fromDesktop })));
  return seen === null || seen.samples < ENOUGH_LATE ? null : seen.rttMs;
}

/** Say why the desktop was guessed. */
export function guessReasons(guess: GuessedDesktop | null, table: FlowTable): string[] {
  if (guess === null)
    return table.flows.size === 0 ? [`no packet of ${table.desktop} is in the capture`] : [];
  const why = {
    port: 'it serves a remote desktop on a known port',
    behaviour: 'one of its flows behaves like a remote desktop',
    undecided: 'one of its flows may be a remote desktop',
    traffic: 'it has most of the traffic; no flow looks like a remote desktop',
  }[guess.why];
  const { others = [] } = guess;
  const also = others.length === 0 ? '' : `, and so may ${others.slice(0, 3).join(', ')} be`;
  return [`the desktop was guessed: ${why}${also}; --desktop ADDRESS says otherwise`];
}
