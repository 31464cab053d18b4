// Reads a capture of any size twice, in bounded memory, and reports on the desktops in it.
import { canonicalAddress } from '../../domain/model/address.js';
import { VmshadowError, hasCode, messageOf } from '../../domain/errors.js';
import { CaptureReader } from '../../domain/fingerprint/capture/capture-reader.js';
import {
  reportDesktop,
  type CaptureCounts,
  type CaptureReport,
} from '../../domain/fingerprint/rank/capture-report.js';
import { OrderCheck, Sorter, TwinFilter } from '../../domain/fingerprint/capture/order.js';
import { DesktopGuess } from '../../domain/fingerprint/session/desktop-guess.js';
import { FlowTable, MAX_PACKETS_KEPT } from '../../domain/fingerprint/capture/flow-table.js';
import {
  decodeRawPacket,
  type PacketHeader,
  type RawPacket,
} from '../../domain/fingerprint/capture/packet.js';
import type { FingerprintPolicy } from '../../domain/model/policy.js';
import type { CaptureProgress, CaptureSource } from './capture-source.js';

/** Packets that two cores swapped are no news. */
const LEAST_DISORDER_MS = 5;

interface ReadCapture {
  readonly counts: CaptureCounts;
  /** Why reading ended before the end; undefined for a sound file. */
  readonly problem: string | undefined;
  readonly others: ReadonlyMap<string, number>;
}

/** Kinds of packets that are named; the rest of a strange capture is one kind. */
const MAX_KINDS = 64;

/** Decode every packet of a capture, in its order. Throws INPUT_INVALID when it cannot be read at all. */
async function readCapture(
  source: CaptureSource,
  progress: CaptureProgress,
  take: (header: PacketHeader) => void,
): Promise<ReadCapture> {
  const counts: CaptureCounts = {
    packets: 0,
    malformed: 0,
    truncated: 0,
    fragments: 0,
    other: 0,
    clockJumps: 0,
    retransmissions: 0,
    unkept: 0,
    outOfOrder: 0,
    duplicates: 0,
    timeless: 0,
  };
  const others = new Map<string, number>();
  const reader = new CaptureReader();
  const takeRaw = (raw: RawPacket) => {
    counts.packets += 1;
    const decoded = decodeRawPacket(raw, true);
    if (decoded.kind === 'packet') {
      if (decoded.firstFragment) counts.fragments += 1;
      take(decoded.header);
    } else if (decoded.kind === 'fragment') counts.fragments += 1;
    else {
      counts[decoded.kind] += 1;
      if (decoded.kind !== 'other') return;
      const what = others.has(decoded.what) || others.size < MAX_KINDS ? decoded.what : 'of other kinds';
      others.set(what, (others.get(what) ?? 0) + 1);
    }
  };
  let cut: string | undefined;
  try {
    for await (const chunk of source.read(progress)) {
      for (const raw of reader.push(chunk)) takeRaw(raw);
      if (reader.problem !== undefined) break;
    }
  } catch (error) {
    if (!hasCode(error, 'INPUT_INVALID')) throw error;
    cut = messageOf(error);
  }
  reader.end();
  counts.timeless = reader.timeless;
  return { counts, problem: cut ?? reader.problem, others };
}

export interface CaptureOptions {
  /** Address of the desktop; silent: it is guessed. */
  readonly desktop?: string | undefined;
  readonly progress?: CaptureProgress;
}

/** Report on the named desktop of a capture, or on those that are guessed. Throws INPUT_INVALID when there is nothing to report on. */
export async function reportCapture(
  source: CaptureSource,
  policy: FingerprintPolicy,
  { desktop, progress = () => undefined }: CaptureOptions = {},
): Promise<CaptureReport[]> {
  const named = desktop === undefined ? undefined : addressOf(desktop);
  const guess = new DesktopGuess();
  const order = new OrderCheck();
  // Two readings of the same bytes: to learn who is who and what is out of order, then to judge.
  const first = await readCapture(source, half(progress, 0), (header) => {
    order.add(header);
    if (named === undefined) guess.add(header);
  });
  const guesses = named === undefined ? guess.result(policy) : undefined;
  if (guesses?.length === 0) throw nothingIn(source, first);
  const guessed = guesses?.map((g) => g.address) ?? [named ?? ''];
  const desktops = guessed.map((address) =>
    judging(address, order, Math.floor(MAX_PACKETS_KEPT / guessed.length)),
  );
  const twins = order.hasTwins ? new TwinFilter() : undefined;
  const { counts, problem, others } = await readCapture(source, half(progress, 1), (header) => {
    if (twins?.isFirst(header) === false) return;
    for (const d of desktops) d.take(header);
  });
  for (const d of desktops) d.end();
  counts.outOfOrder = order.outOfOrder;
  counts.duplicates = twins?.dropped ?? 0;
  if (desktop !== undefined && desktops[0]?.table.flows.size === 0)
    throw new VmshadowError(
      'INPUT_INVALID',
      `${source.name} has no TCP or UDP packet of ${desktop}${problem === undefined ? '' : ` (${problem})`}. ` +
        'Leave --desktop out and the desktop is guessed.',
    );
  return desktops.map((d, i) => {
    const mended = [...d.mended, ...mendedOrder(order, counts)];
    return reportDesktop(
      d.table,
      guesses?.[i] ?? null,
      counts,
      { problem, mended, others, doubts: d.doubts },
      policy,
    );
  });
}

/** One desktop's packets on their way to its table: a clock that is behind put right, and all in the order of time. */
function judging(address: string, order: OrderCheck, mostKept: number) {
  const table = new FlowTable(address, mostKept);
  const skew = order.skewOf((h) => table.isFromDesktop(h));
  const byMs = skew?.isKnown === true ? skew.behindMs : 0;
  const sorter = new Sorter(order.waitMs === 0 ? 0 : order.waitMs + Math.abs(byMs), (h) => table.add(h));
  const whose = byMs > 0 ? 'to' : 'from';
  return {
    table,
    mended:
      byMs === 0
        ? []
        : [
            `the clock of packets ${whose} the desktop was ${Math.abs(byMs).toFixed(1)} ms behind the other direction’s: put right by the order of the file`,
          ],
    doubts: [
      ...(skew?.isKnown === false
        ? ['by the order of the file the clocks of the two directions differ, by how much is not to be told']
        : []),
      ...(order.isInHalves((h) => table.isFromDesktop(h))
        ? [
            'one direction stands behind the other; `mergecap -w NEW FILE FILE` merges two captures by time, `reordercap FILE NEW` sorts one',
          ]
        : []),
    ],
    take(header: PacketHeader): void {
      const fromDesktop = table.isFromDesktop(header);
      if (fromDesktop === undefined) return;
      sorter.push(fromDesktop || byMs === 0 ? header : { ...header, timeMs: header.timeMs + byMs });
    },
    end: () => sorter.end(),
  };
}

function mendedOrder(order: OrderCheck, counts: CaptureCounts): string[] {
  return [
    ...(order.waitMs >= LEAST_DISORDER_MS
      ? [
          `${counts.outOfOrder} packets stood behind later ones, by up to ${order.waitMs.toFixed(1)} ms: sorted by time`,
        ]
      : []),
    ...(counts.duplicates > 0
      ? [`${counts.duplicates} packets were captured a second time: the copies were left out`]
      : []),
  ];
}

/** Each reading is half of the work. */
function half(progress: CaptureProgress, which: 0 | 1): CaptureProgress {
  return (done, of) => progress(of === null ? done : (which * of + done) / 2, of);
}

function nothingIn(source: CaptureSource, { counts, problem, others }: ReadCapture): VmshadowError {
  const kinds = [...others].sort((a, b) => b[1] - a[1]);
  const named =
    kinds.length === 0
      ? ''
      : kinds.length === 1 && kinds[0]?.[1] === counts.packets
        ? `: all ${counts.packets} packets are ${kinds[0][0]}`
        : `: ${kinds
            .slice(0, 4)
            .map(([what, n]) => `${n} are ${what}`)
            .join(', ')}`;
  const cut =
    counts.truncated > 0
      ? ` Another ${counts.truncated} packets were cut before their ports: capture at least 96 bytes of each.`
      : '';
  const timeless =
    counts.timeless > 0 ? ` Another ${counts.timeless} packets carry no time (simple packet blocks).` : '';
  return new VmshadowError(
    'INPUT_INVALID',
    `${source.name}: ${problem ?? `none of its ${counts.packets} packets is TCP or UDP over IP${named}.${cut}${timeless}`}${problem === undefined ? '' : '.'} ` +
      'Expected a pcap or pcapng capture of a desktop’s traffic.',
  );
}

function addressOf(desktop: string): string {
  const address = canonicalAddress(desktop);
  if (address === null)
    throw new VmshadowError(
      'INPUT_INVALID',
      `--desktop ${desktop}: expected an IPv4 or IPv6 address such as 10.77.0.2`,
    );
  return address;
}
