// Splits the remote-desktop flow, as seen beside the desktop, into interaction cycles:
//
//   client request ----> | think | first data ... burst ... last data | ----> turnaround ----> next client request
//
// An answer is told from any other client packet by what it acknowledges, so requests ahead of time and pushed updates show.
import type { FlowPacket } from '../capture/flow-table.js';
import { serialAdd, serialDistance } from '../capture/sequence-numbers.js';

export interface Frame {
  readonly startMs: number;
  endMs: number;
  bytes: number;
  /** The sequence number behind its last byte; 0 without (UDP). */
  end: number;
  /** Gaps between its packets: their number, sum and sum of squares, milliseconds. Even gaps are the sender's pacing. */
  readonly gaps: { n: number; sum: number; squares: number };
  /** Waits for the acknowledgement of the congestion window inside the burst: each costs a round trip. */
  stalls: number;
  /** When a client message came that had seen the beginning of this frame. */
  answeredMs: number | undefined;
  /** Whether that message had seen all of it; if not, the client asks ahead, at the first byte. */
  answeredWhole: boolean;
  /** Frames begun between this one and its answer: updates that nobody had to ask for again. */
  overlapping: number;
  /** Client messages since the frame before. */
  readonly messages: number;
  /** From the newest client message to the frame; undefined for the first. */
  readonly sinceClientMs: number | undefined;
  /** From the previous frame's answer to this frame; undefined when it started before that answer came. */
  readonly thinkMs: number | undefined;
}

export interface CycleSplit {
  readonly frames: readonly Frame[];
  /** Client messages: payload sizes of those that answer a frame, and of the others. */
  readonly answers: readonly number[];
  readonly others: readonly number[];
  readonly retransmissions: number;
  readonly spanMs: number;
}

/** Silence inside an update of a server that writes as it encodes stays below this; 60 frames a second are 16.7 ms apart. */
export const FRAME_GAP_MS = 8;
/** A sender that waits for its window goes on within this time of the acknowledgement. */
const ACK_CLOCK_MS = 2;

/** Packets nearer than this are one write of the server, even when the user's pointer moved meanwhile. */
const SAME_WRITE_MS = 0.5;

interface Open extends Frame {
  firstEnd: number;
  pushed: boolean;
  closed: boolean;
}

/** What ends a frame: a client message that has seen all of it, silence, or either. */
export type Boundary = 'message' | 'silence' | 'either';

/** Split the packets of one flow (TCP or UDP), in order, into frames and client messages. */
export function splitCycles(packets: readonly FlowPacket[], boundary: Boundary = 'either'): CycleSplit {
  const splitter = new Splitter(boundary);
  for (const p of packets) splitter.take(p);
  return splitter.result();
}

class Splitter {
  readonly #boundary: Boundary;
  readonly #frames: Open[] = [];
  readonly #answers: number[] = [];
  readonly #others: number[] = [];
  #retransmissions = 0;
  #highestOut: number | undefined;
  #highestIn: number | undefined;
  #lastClientMs: number | undefined;
  #lastAckMs: number | undefined;
  #messages = 0;
  #firstMs: number | undefined;
  #lastMs = 0;
  /** Index of the oldest frame without an answer. */
  #unanswered = 0;

  constructor(boundary: Boundary) {
    this.#boundary = boundary;
  }

  take(p: FlowPacket): void {
    if (p.payloadBytes > 0) {
      this.#firstMs ??= p.atMs;
      this.#lastMs = p.atMs;
    }
    if (p.fromDesktop) this.#fromServer(p);
    else this.#fromClient(p);
  }

  result(): CycleSplit {
    return {
      frames: this.#frames,
      answers: this.#answers,
      others: this.#others,
      retransmissions: this.#retransmissions,
      spanMs: this.#lastMs - (this.#firstMs ?? this.#lastMs),
    };
  }

  #fromServer(p: FlowPacket): void {
    if (p.payloadBytes === 0) return;
    const end = p.tcp === undefined ? 0 : serialAdd(p.tcp.sequence, p.payloadBytes);
    if (p.tcp !== undefined) {
      if (this.#highestOut !== undefined && serialDistance(end, this.#highestOut) <= 0) {
        this.#retransmissions += 1;
        return;
      }
      this.#highestOut = end;
    }
    const pushed = p.tcp?.push ?? true;
    const frame = this.#frames.at(-1);
    if (frame === undefined || this.#startsFrame(frame, p)) this.#open(p, end, pushed);
    else this.#extend(frame, p, end, pushed);
  }

  #startsFrame(frame: Open, p: FlowPacket): boolean {
    const gapMs = p.atMs - frame.endMs;
    if (this.#boundary !== 'silence' && frame.closed && gapMs >= SAME_WRITE_MS) return true;
    return this.#boundary !== 'message' && frame.pushed && gapMs > FRAME_GAP_MS;
  }

  #open(p: FlowPacket, end: number, pushed: boolean): void {
    const previous = this.#frames.at(-1);
    const answeredMs = previous?.answeredMs;
    const since = this.#lastClientMs === undefined ? undefined : p.atMs - this.#lastClientMs;
    for (let i = this.#unanswered; i < this.#frames.length; i++) {
      const f = this.#frames[i];
      if (f !== undefined) f.overlapping += 1;
    }
    const opened: Open = {
      startMs: p.atMs,
      endMs: p.atMs,
      bytes: p.payloadBytes,
      stalls: 0,
      gaps: { n: 0, sum: 0, squares: 0 },
      answeredMs: undefined,
      answeredWhole: false,
      overlapping: 0,
      messages: this.#messages,
      sinceClientMs: since,
      thinkMs:
        answeredMs === undefined || previous === undefined
          ? undefined
          : p.atMs - Math.max(answeredMs, previous.endMs),
      firstEnd: end,
      end,
      pushed,
      closed: false,
    };
    this.#frames.push(opened);
    this.#messages = 0;
  }

  #extend(frame: Open, p: FlowPacket, end: number, pushed: boolean): void {
    const gapMs = p.atMs - frame.endMs;
    if (gapMs > FRAME_GAP_MS && this.#lastAckMs !== undefined && p.atMs - this.#lastAckMs <= ACK_CLOCK_MS)
      frame.stalls += 1;
    frame.gaps.n += 1;
    frame.gaps.sum += gapMs;
    frame.gaps.squares += gapMs * gapMs;
    frame.endMs = p.atMs;
    frame.bytes += p.payloadBytes;
    frame.end = end;
    frame.pushed = pushed;
  }

  #fromClient(p: FlowPacket): void {
    this.#lastAckMs = p.atMs;
    if (p.payloadBytes === 0) return;
    if (p.tcp !== undefined) {
      const end = serialAdd(p.tcp.sequence, p.payloadBytes);
      if (this.#highestIn !== undefined && serialDistance(end, this.#highestIn) <= 0) {
        this.#retransmissions += 1;
        return;
      }
      this.#highestIn = end;
    }
    this.#lastClientMs = p.atMs;
    this.#messages += 1;
    const last = this.#frames.at(-1);
    if (last !== undefined && sees(p, last.end)) last.closed = true;
    (this.#answer(p) ? this.#answers : this.#others).push(p.payloadBytes);
  }

  /** Mark every frame that this message is the first to have seen. */
  #answer(p: FlowPacket): boolean {
    let first = false;
    for (; this.#unanswered < this.#frames.length; this.#unanswered++) {
      const frame = this.#frames[this.#unanswered];
      if (frame === undefined || !sees(p, frame.firstEnd)) break;
      frame.answeredMs = p.atMs;
      frame.answeredWhole = sees(p, frame.end);
      first = true;
    }
    return first;
  }
}

/** Whether the sender of `p` had received everything up to `end`; without acknowledgements (UDP) it is taken to have. */
function sees(p: FlowPacket, end: number): boolean {
  return p.tcp === undefined || (p.tcp.ack && serialDistance(p.tcp.acknowledgement, end) >= 0);
}
