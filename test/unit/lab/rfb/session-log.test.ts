import {
  framesOf,
  longestGap,
  parseSessionLog,
  responseStats,
  type FrameEvent,
} from '../../../../lab/rfb/session-log.js';

const frame = (at: number, responseMs: number | null): FrameEvent => ({
  event: 'frame',
  at,
  n: at,
  responseMs,
  bytes: 1,
  rects: 1,
});

describe('the session log', () => {
  it('reads events, and leaves out a line that is still being written', () => {
    const text = `${JSON.stringify(frame(1, 2))}\n${JSON.stringify({ event: 'gap', at: 5, gapMs: 1500 })}\n{"event":"fra`;
    const events = parseSessionLog(text);
    expect(events.map((e) => e.event)).toEqual(['frame', 'gap']);
    expect(framesOf(events)).toHaveLength(1);
  });

  it('names the line that is none of its events', () => {
    expect(() => parseSessionLog(`${JSON.stringify(frame(1, 2))}\n{"event":"frame"}\n`)).toThrow(/Line 2/);
  });

  it('gives median and p95 by nearest rank, of the time asked for only', () => {
    const frames = Array.from({ length: 100 }, (_, i) => frame(i * 10, i + 1));
    expect(responseStats(frames)).toEqual({ samples: 100, medianMs: 50, p95Ms: 95, framesPerSecond: 100 });
    expect(responseStats(frames, 100, 200)).toMatchObject({ samples: 10, medianMs: 15 });
    expect(responseStats(frames, 5_000)).toBeNull();
  });

  it('leaves frames that were not asked for out of response times', () => {
    expect(responseStats([frame(0, null), frame(10, 4)])).toMatchObject({ samples: 1, medianMs: 4 });
  });

  it('finds the longest time without a frame that touches a window', () => {
    const frames = [0, 100, 200, 1_200, 1_300, 4_000].map((at) => frame(at, 1));
    expect(longestGap(frames, 150, 1_250)).toEqual({ startMs: 200, gapMs: 1_000 });
    expect(longestGap(frames, 0, 5_000)).toEqual({ startMs: 1_300, gapMs: 2_700 });
    expect(longestGap(frames.slice(0, 1), 0, 5_000)).toBeNull();
  });
});
