// How many frames a second somebody sees now, second by second, from headers: a frame is there when its last byte is acknowledged, half a
// round trip earlier. What is lost and sent again comes late to the user, too, and so it does here.
import type { CapturedFlow, FlowPacket } from '../capture/flow-table.js';
import { serialDistance } from '../capture/sequence-numbers.js';
import { splitCycles, type Frame } from './cycles.js';
import { passiveRoundTrip } from './round-trip.js';
import { mode } from '../statistics.js';
import { splitByMode } from './summary.js';

/** Frames that were complete in one window, and between which figures that lies; null: not known. */
interface PresentRate {
  readonly startMs: number;
  readonly frames: { readonly seen: number; readonly least: number; readonly most: number } | null;
}

/** A frame at the edge of a window may belong to the next. */
const EDGE = 1;
/** Two ways to part frames that differ by more than this, and by more than a share, know nothing together. */
const SAME = { frames: 3, share: 0.25 };
/** RFB's continuous updates have a fence before and one after each frame, which the client returns. */
const FENCES = 2;

/** Count frames in windows of `windowMs`, from `offsetMs` of the flow on; the last, incomplete one is left out. */
export function presentRates(flow: CapturedFlow, windowMs = 1_000, offsetMs = 0): PresentRate[] {
  const halfMs = (passiveRoundTrip(flow.packets)?.rttMs ?? 0) / 2;
  const [seen, too] = witnesses(flow.packets, halfMs);
  const windows = Math.floor((flow.activeMs - offsetMs) / windowMs);
  return Array.from({ length: Math.max(0, windows) }, (_, i) => {
    const startMs = offsetMs + i * windowMs;
    const within = (times: readonly number[]) =>
      times.filter((ms) => ms >= startMs && ms < startMs + windowMs).length;
    const [a, b] = [within(seen), within(too)];
    const isKnown = Math.abs(a - b) <= Math.max(SAME.frames, SAME.share * Math.max(a, b));
    return {
      startMs,
      frames: isKnown
        ? { seen: a, least: Math.max(0, Math.min(a, b) - EDGE), most: Math.max(a, b) + EDGE }
        : null,
    };
  });
}

/**
 * When frames were complete, told in two ways. What a client asks for one by one is parted by its questions, and needs no other witness.
 * Of what is pushed silence may part one picture in two, or two be one: the client's replies to fences tell, and nothing else does.
 */
function witnesses(packets: readonly FlowPacket[], halfMs: number): [readonly number[], readonly number[]] {
  const { split, evidence } = splitByMode(packets);
  const parted = arrivals(split.frames, packets, halfMs);
  if (evidence.mode === 'pull') return [parted, parted];
  if (evidence.mode === 'push') return [replies(packets, mode(split.answers), halfMs), parted];
  return [parted, arrivals(splitCycles(packets, 'message').frames, packets, halfMs)];
}

/** When the client returned each frame's last fence; several replies may share a packet. */
function replies(packets: readonly FlowPacket[], replyBytes: number | null, halfMs: number): number[] {
  const times: number[] = [];
  if (replyBytes === null) return times;
  let fences = 0;
  for (const p of packets) {
    if (p.fromDesktop || p.payloadBytes === 0 || p.payloadBytes % replyBytes !== 0) continue;
    for (let n = p.payloadBytes / replyBytes; n > 0; n--)
      if (++fences % FENCES === 0) times.push(p.atMs - halfMs);
  }
  return times;
}

/** When each frame was complete at the user's. */
function arrivals(frames: readonly Frame[], packets: readonly FlowPacket[], halfMs: number): number[] {
  const times: number[] = [];
  let next = 0;
  for (const p of packets) {
    if (p.fromDesktop || p.tcp?.ack !== true) continue;
    for (; next < frames.length; next++) {
      const frame = frames[next];
      if (frame === undefined || frame.endMs > p.atMs || serialDistance(p.tcp.acknowledgement, frame.end) < 0)
        break;
      times.push(p.atMs - halfMs);
    }
  }
  return times.length > 0 ? times : frames.map((f) => f.endMs + halfMs);
}
