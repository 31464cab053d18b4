// Whether the packets of a TCP flow stand in an order that can be: nobody acknowledges what has not been sent. Where that is seen often,
// the clocks of the two directions differ, and no figure of who waits for whom can be trusted.
import type { FlowPacket } from './flow-table.js';
import { serialAdd, serialDistance } from './sequence-numbers.js';

export interface Causality {
  /** Packets with an acknowledgement that was looked at. */
  readonly acknowledgements: number;
  /** Those that come before what they acknowledge, and by how much in the middle, ms. */
  readonly early: number;
  readonly earlyMs: number;
  /** Those of something that was never captured. */
  readonly unseen: number;
  /** Bytes that were captured, and those between them that never were. */
  readonly bytes: number;
  readonly missingBytes: number;
}

/** Share of acknowledgements before their data from which on the clocks are not trusted; single ones are packets that two cores swapped. */
const EARLY_SHARE = 0.02;
const EARLY_LEAST = 3;
const EARLY_MS = 0.5;
/** A sequence number farther ahead is another connection on the same ports. */
const MAX_AHEAD = 2 ** 26;
/** Acknowledgements of data that is still to come, remembered at most. */
const MAX_OPEN = 1_024;

/** Look at the packets of one flow, in the order that is to be judged. */
export function causalityOf(packets: readonly FlowPacket[]): Causality {
  const sent: { desktop: number | undefined; peer: number | undefined } = {
    desktop: undefined,
    peer: undefined,
  };
  const open: { readonly of: 'desktop' | 'peer'; readonly ack: number; readonly atMs: number }[] = [];
  const earlyMs: number[] = [];
  let acknowledgements = 0;
  let unseen = 0;
  let bytes = 0;
  let missing = 0;
  for (const p of packets) {
    if (p.tcp === undefined) continue;
    const [me, other] = p.fromDesktop ? (['desktop', 'peer'] as const) : (['peer', 'desktop'] as const);
    const length = p.payloadBytes + (p.tcp.syn || p.tcp.fin ? 1 : 0);
    const end = serialAdd(p.tcp.sequence, length);
    const before = sent[me];
    bytes += p.payloadBytes;
    if (before !== undefined && !p.tcp.syn) {
      const ahead = serialDistance(p.tcp.sequence, before);
      if (ahead > 0 && ahead <= MAX_AHEAD) missing += ahead;
      // What comes late fills a hole.
      else if (serialDistance(end, before) <= 0) missing = Math.max(0, missing - p.payloadBytes);
    }
    if (before === undefined || p.tcp.syn || Math.abs(serialDistance(end, before)) > MAX_AHEAD) {
      sent[me] = end;
    } else if (serialDistance(end, before) > 0) {
      sent[me] = end;
      for (let k = open.length - 1; k >= 0; k--) {
        const waiting = open[k];
        if (waiting === undefined || waiting.of !== me || serialDistance(end, waiting.ack) < 0) continue;
        // Data that goes on from there: what was acknowledged was never captured.
        if (serialDistance(p.tcp.sequence, waiting.ack) >= 0) unseen++;
        else earlyMs.push(p.atMs - waiting.atMs);
        open.splice(k, 1);
      }
    }
    const known = sent[other];
    if (!p.tcp.ack || known === undefined) continue;
    acknowledgements++;
    const ahead = serialDistance(p.tcp.acknowledgement, known);
    if (ahead <= 0 || ahead > MAX_AHEAD) continue;
    open.push({ of: other, ack: p.tcp.acknowledgement, atMs: p.atMs });
    if (open.length > MAX_OPEN) {
      open.shift();
      unseen++;
    }
  }
  // What was retransmitted into a hole of the capture comes much later: that is a gap, not a clock.
  const skewed = earlyMs.filter((ms) => ms >= EARLY_MS && ms < 2_000).sort((a, b) => a - b);
  return {
    acknowledgements,
    early: skewed.length,
    earlyMs: skewed[Math.floor(skewed.length / 2)] ?? 0,
    unseen: unseen + open.length,
    bytes,
    missingBytes: missing,
  };
}

/** Tell whether so many acknowledgements come too early that the clocks must differ. */
export function clocksDiffer(c: Causality): boolean {
  return c.early >= EARLY_LEAST && c.early > EARLY_SHARE * c.acknowledgements;
}
