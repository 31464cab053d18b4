import { demoResult, type Seen } from '../../../../lab/demo/measure.js';
import { parseDemoOptions } from '../../../../lab/demo/options.js';
import { brokenPromises } from '../../../../lab/demo/demo-result.js';
import { NO_PROGRESS } from '../../../../domain/migration/progress.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';
import type { MoveStatus } from '../../../../temporal/contract/move.js';

const frame = (at: number, responseMs: number) => ({
  event: 'frame' as const,
  at,
  n: 0,
  responseMs,
  bytes: 1,
  rects: 1,
});
const phase = (name: MoveStatus['phase'], startedAtMs: number, endedAtMs: number) => ({
  phase: name,
  startedAtMs,
  endedAtMs,
});
const move: MoveStatus = {
  desktop: DesktopId.parse('video'),
  moveId: 'video-1',
  from: HostRef.parse({ site: 'us-west', host: 'h1' }),
  to: HostRef.parse({ site: 'us-east', host: 'h1' }),
  cause: 'loop',
  reason: 'nearer',
  phase: 'cleanup',
  outcome: 'moved',
  phases: [phase('preflight', 1000, 1100), phase('switchover', 5000, 5600), phase('cleanup', 5600, 7000)],
  progress: NO_PROGRESS,
  percent: 100,
  etaMs: null,
  error: null,
  blame: null,
  rttBeforeMs: 100,
  rttAfterMs: 20,
  downtimeMs: 400,
  switchoverMs: 420,
  wanBytes: { disk: 1, memory: 2 },
  heldPackets: 3,
  diskHashes: { source: 'a', target: 'a', equal: true },
  oldExternal: '198.18.0.1',
  newExternal: '198.18.1.1',
};
const seen: Seen = {
  move,
  frames: [
    frame(500, 110),
    frame(900, 120),
    frame(4990, 110),
    frame(5050, 110),
    frame(5900, 850),
    frame(6300, 30),
    frame(6700, 30),
    frame(8000, 25),
    frame(8030, 27),
  ],
  socketsBefore: ['socket:[1]'],
  socketsAfter: ['socket:[1]'],
  connections: 1,
  wanBytes: { disk: 10, memory: 20 },
  decidedInCycle: 2,
  ranks: { video: 0.7 },
  runningCopies: 1,
  leftovers: [],
  recent: [
    {
      desktop: move.desktop,
      outcome: 'moved',
      from: move.from,
      to: move.to,
      endedAtMs: 7000,
      cause: 'loop',
      error: null,
    },
  ],
  startedAtMs: 0,
};

describe('demoResult', () => {
  it('counts samples before the move began and after it ended, and the gap around the switchover', () => {
    const result = demoResult(seen);
    expect(result.responseMs).toEqual({
      before: { median: 115, p95: 119.5, samples: 2 },
      after: { median: 26, p95: 26.9, samples: 2 },
    });
    expect(result).toMatchObject({ downtimeMs: 400, gapMs: 850 });
    expect(brokenPromises(result)).toEqual([]);
  });

  it.each<[string, Partial<Seen>, RegExp]>([
    ['a second connection', { connections: 2 }, /did not survive/],
    ['another socket', { socketsAfter: ['socket:[2]'] }, /did not survive/],
    ['no frame after the move', { frames: seen.frames.slice(0, 7) }, /did not survive/],
    ['two copies', { runningCopies: 2 }, /2 copies/],
    ['something left', { leftovers: ['tap vs-video'] }, /tap vs-video/],
    ['a late decision', { decidedInCycle: 4 }, /cycle 4/],
    ['an operator behind the move', { move: { ...move, cause: 'operator' } }, /own decision/],
    [
      'different disks',
      { move: { ...move, diskHashes: { source: 'a', target: 'b', equal: false } } },
      /disks/,
    ],
  ])('does not pass over %s', (_, change, words) => {
    expect(brokenPromises(demoResult({ ...seen, ...change })).join()).toMatch(words);
  });
});

describe('parseDemoOptions', () => {
  it("takes the paper's sizes, and single options over them", () => {
    expect(parseDemoOptions(['--paper', '--wan-mbps', '100'])).toMatchObject({
      wanMbps: 100,
      memoryMiB: 1024,
      diskMiB: 2048,
      diskUsedMiB: 1100,
    });
  });

  it('refuses bad values with every problem', () => {
    expect(() => parseDemoOptions(['--wan-mbps', '-1', '--rtt-east-ms', 'x'])).toThrow(
      /2 problems[\s\S]*wanMbps[\s\S]*rttEastMs/,
    );
  });
});
