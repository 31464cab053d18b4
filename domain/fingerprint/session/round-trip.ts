// Passive round trip time between the desktop's tap and its user's device: TCP timestamps where present (as pping does), else the
// time until data is acknowledged. A low percentile, since delayed acknowledgements and decoding only ever add.
import type { FlowPacket } from '../capture/flow-table.js';
import { serialAdd, serialDistance } from '../capture/sequence-numbers.js';
import { quantile } from '../statistics.js';

export interface RoundTrip {
  readonly rttMs: number;
  readonly from: 'timestamps' | 'sequence';
  readonly samples: number;
}

/** Delayed acknowledgements (40 ms and more) spoil single samples; the lowest tenth is free of them. */
const PERCENTILE = 0.1;
/** With fewer a percentile is one packet's luck; then the other method gets its turn. */
const ENOUGH_SAMPLES = 3;
/** Data or timestamps that nobody echoed: bounded, oldest dropped. */
const MAX_PENDING = 512;

/** Estimate the round trip time of one TCP flow; null where nothing of the desktop was answered. */
export function passiveRoundTrip(packets: readonly FlowPacket[]): RoundTrip | null {
  const byTimestamp = timestampSamples(packets);
  const bySequence = sequenceSamples(packets);
  const useTimestamps = byTimestamp.length >= Math.min(ENOUGH_SAMPLES, Math.max(1, bySequence.length));
  const samples = useTimestamps ? byTimestamp : bySequence;
  const rttMs = quantile(samples, PERCENTILE);
  if (rttMs === null) return null;
  return { rttMs, from: useTimestamps ? 'timestamps' : 'sequence', samples: samples.length };
}

function timestampSamples(packets: readonly FlowPacket[]): number[] {
  const sentMs = new Map<number, number>();
  const seen = new Set<number>();
  const samples: number[] = [];
  for (const p of packets) {
    const stamp = p.tcp?.timestamp;
    if (stamp === undefined) continue;
    if (p.fromDesktop) {
      if (seen.has(stamp.value)) continue;
      seen.add(stamp.value);
      // A pure acknowledgement is not echoed at once: only data and handshakes measure.
      if (p.payloadBytes > 0 || p.tcp?.syn === true) remember(sentMs, stamp.value, p.atMs);
    } else {
      const sent = sentMs.get(stamp.echo);
      if (sent === undefined) continue;
      sentMs.delete(stamp.echo);
      samples.push(p.atMs - sent);
    }
  }
  return samples;
}

function sequenceSamples(packets: readonly FlowPacket[]): number[] {
  let pending: { end: number; atMs: number }[] = [];
  let highest: number | undefined;
  const samples: number[] = [];
  for (const p of packets) {
    if (p.tcp === undefined) continue;
    if (p.fromDesktop) {
      const length = p.payloadBytes + (p.tcp.syn || p.tcp.fin ? 1 : 0);
      if (length === 0) continue;
      const end = serialAdd(p.tcp.sequence, length);
      if (highest !== undefined && serialDistance(end, highest) <= 0) {
        // Sent again: what is under way can no longer be told apart (Karn's rule).
        pending = pending.filter((x) => serialDistance(x.end, p.tcp?.sequence ?? 0) <= 0);
        continue;
      }
      highest = end;
      pending.push({ end, atMs: p.atMs });
      if (pending.length > MAX_PENDING) pending.shift();
    } else if (p.tcp.ack) {
      const acknowledged = p.tcp.acknowledgement;
      const covered = pending.filter((x) => serialDistance(acknowledged, x.end) >= 0);
      const newest = covered.at(-1);
      if (newest === undefined) continue;
      samples.push(p.atMs - newest.atMs);
      pending = pending.slice(covered.length);
    }
  }
  return samples;
}

function remember(map: Map<number, number>, key: number, value: number): void {
  map.set(key, value);
  if (map.size <= MAX_PENDING) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
