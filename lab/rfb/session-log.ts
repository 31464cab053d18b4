// The log of a measured VNC session: one JSON line an event, written by client-main.ts, read by the demo, the tests and the benchmarks.
// Times are milliseconds since the epoch. A response time is request to update complete.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, VmshadowError } from '../../domain/errors.js';

const Connected = z.object({
  event: z.literal('connected'),
  at: z.number(),
  pid: z.number(),
  /** The client's own end: one value a log proves one connection, as the client never connects twice. */
  localAddress: z.string(),
  localPort: z.number(),
  remoteAddress: z.string(),
  remotePort: z.number(),
  desktopName: z.string(),
  width: z.number(),
  height: z.number(),
});
const FrameLine = z.object({
  event: z.literal('frame'),
  at: z.number(),
  n: z.number(),
  /** Null in push mode: nothing was asked for. */
  responseMs: z.number().nullable(),
  bytes: z.number(),
  rects: z.number(),
});
const KeyLine = z.object({ event: z.literal('key'), at: z.number(), keysym: z.number() });
/** No frame for more than a second. Normal for a still screen, a hiccup for a playing video. */
const GapLine = z.object({ event: z.literal('gap'), at: z.number(), gapMs: z.number() });
const EndLine = z.object({
  event: z.literal('end'),
  at: z.number(),
  /** `asked`: time was up or a signal came; `lost`: the connection ended by itself. */
  why: z.enum(['asked', 'lost']),
  message: z.string(),
  localPort: z.number(),
  frames: z.number(),
  bytes: z.number(),
  seconds: z.number(),
  longestGapMs: z.number(),
});
export const SessionEvent = z.discriminatedUnion('event', [Connected, FrameLine, KeyLine, GapLine, EndLine]);
export type SessionEvent = z.infer<typeof SessionEvent>;
export type FrameEvent = z.infer<typeof FrameLine>;
export type EndEvent = z.infer<typeof EndLine>;

/** Parse a log's text; a last line cut off in the middle of being written is left out. Throws INPUT_INVALID with the line number. */
export function parseSessionLog(text: string): SessionEvent[] {
  const lines = text.split('\n');
  // What stands after the last newline is not a line yet.
  lines.pop();
  return lines.map((line, i) => {
    try {
      return SessionEvent.parse(JSON.parse(line));
    } catch (error) {
      throw new VmshadowError(
        'INPUT_INVALID',
        `Line ${String(i + 1)} of the session log is none of its events: ${messageOf(error).slice(0, 300)}`,
      );
    }
  });
}

/** Read a log, also of a session that still goes on. */
export function readSessionLog(file: string): SessionEvent[] {
  return parseSessionLog(readFileSync(file, 'utf8'));
}

export function framesOf(events: readonly SessionEvent[]): FrameEvent[] {
  return events.filter((event) => event.event === 'frame');
}

export interface ResponseStats {
  readonly samples: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly framesPerSecond: number;
}

/** Response times of the frames completed in [fromMs, toMs); null when there are none. Quantiles are of the nearest rank. */
export function responseStats(
  frames: readonly FrameEvent[],
  fromMs = -Infinity,
  toMs = Infinity,
): ResponseStats | null {
  const within = frames.filter((frame) => frame.at >= fromMs && frame.at < toMs && frame.responseMs !== null);
  const times = within.map((frame) => frame.responseMs ?? 0).sort((a, b) => a - b);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined) return null;
  const quantile = (q: number) => times[Math.max(0, Math.ceil(q * times.length) - 1)] ?? 0;
  const seconds = (last.at - first.at) / 1000;
  return {
    samples: times.length,
    medianMs: quantile(0.5),
    p95Ms: quantile(0.95),
    framesPerSecond: seconds > 0 ? (times.length - 1) / seconds : 0,
  };
}

/** The longest time without a complete frame that touches [fromMs, toMs]: what the user saw of a pause. Null when no two frames span it. */
export function longestGap(
  frames: readonly FrameEvent[],
  fromMs: number,
  toMs: number,
): { startMs: number; gapMs: number } | null {
  let longest: { startMs: number; gapMs: number } | null = null;
  for (let i = 1; i < frames.length; i++) {
    const [before, after] = [frames[i - 1], frames[i]];
    if (before === undefined || after === undefined || after.at < fromMs || before.at > toMs) continue;
    const gapMs = after.at - before.at;
    if (longest === null || gapMs > longest.gapMs) longest = { startMs: before.at, gapMs };
  }
  return longest;
}
