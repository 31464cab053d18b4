// Tells pull clients (an update only after a request) from push clients (updates come by themselves), and how many requests a pull
// client keeps under way, from the order and the times of frames and client messages alone.
import { FRAME_GAP_MS, type CycleSplit, type Frame } from './cycles.js';
import type { ClientMode } from '../model.js';
import { median, mode } from '../statistics.js';

export interface ModeEvidence {
  readonly mode: ClientMode;
  /** Requests under way at the same time; 1 where it is not pipelined pull. */
  readonly outstanding: number;
  /** Frames that began before the client had answered the one before, 0 to 1. */
  readonly overlappingShare: number;
}

/** Fewer cycles than this show no habit. */
const ENOUGH_FRAMES = 8;
/** A pull client never lets two frames overlap; a few do by retransmissions and by bursts cut in two. */
const PULL_OVERLAP = 0.1;
const PUSH_OVERLAP = 0.25;
/**
 * Near the user no two frames overlap, whoever asks. But RFB's continuous updates come with fences before and after each update, which the
 * client returns: two messages of one size a frame. Pull sends one, pull with fences three.
 */
const FENCED = { cut: 1.4, low: 1.6, high: 2.4 };
/** A frame that a request set off follows it within the server's own work; a pushed one comes at any time. */
const SET_OFF_MS = 6;
/** Requests ahead of time are still one a frame; replies of push clients (fences) are none or two. */
const ONE_EACH = { low: 0.85, high: 1.15 };
/** Share of overlapping frames that must follow a client message at once for it to be requests ahead of time rather than push. */
const SET_OFF_SHARE = 0.8;

/** Judge by the frames of one sample. */
export function judgeMode(split: CycleSplit): ModeEvidence {
  const answered = split.frames.filter((f) => f.answeredMs !== undefined);
  if (answered.length < ENOUGH_FRAMES) return { mode: 'unknown', outstanding: 1, overlappingShare: 0 };
  const overlapping = answered.filter((f) => f.overlapping > 0);
  const overlappingShare = overlapping.length / answered.length;
  if (overlappingShare <= PULL_OVERLAP) {
    return { mode: isFenced(split) ? 'push' : 'pull', outstanding: 1, overlappingShare };
  }
  if (overlappingShare < PUSH_OVERLAP) return { mode: 'unknown', outstanding: 1, overlappingShare };
  const inFlight = 1 + Math.round(median(overlapping.map((f) => f.overlapping)) ?? 0);
  const messagesEach = (split.answers.length + split.others.length) / split.frames.length;
  const oneEach = messagesEach >= ONE_EACH.low && messagesEach <= ONE_EACH.high;
  if (oneEach && setOffShare(split.frames) >= SET_OFF_SHARE)
    return { mode: 'pull', outstanding: inFlight, overlappingShare };
  return { mode: 'push', outstanding: 1, overlappingShare };
}

/** Count client messages of the size that answers have a picture; several that travelled in one packet count as several. */
function isFenced(split: CycleSplit): boolean {
  const sizes = [...split.answers, ...split.others];
  const size = mode(split.answers);
  if (size === null) return false;
  const units = sizes.filter((s) => s % size === 0).reduce((n, s) => n + s / size, 0);
  // The reply to the first fence may cut a picture in two: the pieces follow each other closely.
  const pictures = split.frames.filter((f, i) => {
    const previous = split.frames[i - 1];
    return previous === undefined || f.startMs - previous.endMs > FRAME_GAP_MS;
  }).length;
  const each = units / Math.max(1, pictures);
  return units / split.frames.length >= FENCED.cut && each >= FENCED.low && each <= FENCED.high;
}

function setOffShare(frames: readonly Frame[]): number {
  const timed = frames.flatMap((f) => (f.sinceClientMs === undefined ? [] : [f.sinceClientMs]));
  if (timed.length === 0) return 0;
  return timed.filter((ms) => ms <= SET_OFF_MS).length / timed.length;
}
