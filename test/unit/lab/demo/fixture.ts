// A demo's figures and series as the tests need them: made by rule, so that a test can say what must come out.
import type { DemoResult } from '../../../../lab/demo/demo-result.js';
import type { DemoSeries } from '../../../../lab/demo/demo-series.js';
import type { Sample } from '../../../../lab/demo/percentiles.js';

export const START_MS = 1_700_000_000_000;

/** Samples like those of a pull client: `responseAt` ms each, the next as soon as the last has come. */
export function pullSamples(seconds: number, responseAt: (second: number) => number): Sample[] {
  const samples: Sample[] = [];
  for (let at = 0; at < seconds * 1000;) {
    const responseMs = responseAt(at / 1000);
    at += responseMs;
    samples.push({ atMs: START_MS + at, responseMs });
  }
  return samples;
}

export const SERIES: DemoSeries = {
  startedAtMs: START_MS,
  endedAtMs: START_MS + 200_000,
  desktops: [
    {
      desktop: 'video',
      activity: 'plays a video',
      rank: 0.86,
      samples: pullSamples(200, (s) => (s < 120 ? 112 + (s % 7) : s < 120.2 ? 812 : 31 + (s % 5))),
    },
    {
      desktop: 'typing',
      activity: 'has somebody typing',
      rank: 0.08,
      samples: pullSamples(200, (s) => 250 + 90 * Math.sin(s)),
    },
  ],
  moves: [
    {
      desktop: 'video',
      fromSite: 'us-west',
      toSite: 'us-east',
      rttBeforeMs: 100,
      rttAfterMs: 20,
      stoppedAtMs: START_MS + 120_000,
      phases: [
        { phase: 'preflight', startedAtMs: START_MS + 40_000, endedAtMs: START_MS + 42_000 },
        { phase: 'async-disk', startedAtMs: START_MS + 42_000, endedAtMs: START_MS + 85_000 },
        { phase: 'sync-switch', startedAtMs: START_MS + 85_000, endedAtMs: START_MS + 86_000 },
        { phase: 'memory', startedAtMs: START_MS + 86_000, endedAtMs: START_MS + 119_800 },
        { phase: 'switchover', startedAtMs: START_MS + 119_800, endedAtMs: START_MS + 121_000 },
        { phase: 'cleanup', startedAtMs: START_MS + 121_000, endedAtMs: START_MS + 140_000 },
      ],
    },
  ],
};

export const RESULT: DemoResult = {
  decidedByLoop: true,
  decidedInCycle: 2,
  sameConnection: true,
  diskHashesEqual: true,
  runningCopies: 1,
  leftovers: [],
  responseMs: {
    before: { median: 115.2, p95: 118.4, samples: 1040 },
    after: { median: 33.1, p95: 35.2, samples: 2390 },
  },
  downtimeMs: 410,
  gapMs: 812,
  wanBytes: { disk: 180_000_000, memory: 210_000_000 },
  phaseMs: {
    preflight: 2000,
    'async-disk': 43_000,
    'sync-switch': 1000,
    memory: 33_800,
    switchover: 1200,
    cleanup: 19_000,
  },
  ranks: { video: 0.86, typing: 0.08 },
  moves: [
    {
      desktop: 'video',
      from: 'us-west/h1',
      to: 'us-east/h1',
      cause: 'loop',
      outcome: 'moved',
      startedAtMs: START_MS + 40_000,
      endedAtMs: START_MS + 140_000,
    },
  ],
};
