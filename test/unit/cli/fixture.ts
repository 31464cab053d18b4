// What a loop and a move answer, as the tests of the tables need it.
import { DesktopId, HostId, PoolId, SiteId } from '../../../domain/model/ids.js';
import type { MoveStatus } from '../../../temporal/contract/move.js';
import type { DesktopStatus, LoopStatus } from '../../../temporal/contract/status.js';

export const NOW_MS = 1_700_000_100_000;
export const host = (site: string, id = 'h1') => ({ site: SiteId.parse(site), host: HostId.parse(id) });
export const desktopId = (id: string) => DesktopId.parse(id);

export const DESKTOP: DesktopStatus = {
  desktop: desktopId('video'),
  host: host('us-west'),
  state: 'running',
  problem: null,
  external: '198.51.100.10',
  internal: '10.77.0.2',
  remoteDesktopPort: 5901,
  vcpus: 1,
  memoryMiB: 1024,
  diskMiB: 2048,
  rank: 0.861,
  rankPaper: 0.7,
  rttMs: 100.2,
  rtts: { 'us-west': 100.2, 'us-east': 20.4 },
  user: '203.0.113.9',
  lockedUntilMs: null,
  reasons: ['every frame waits for the distance'],
  predicted: [],
  move: null,
};

export const MOVE: MoveStatus = {
  desktop: desktopId('video'),
  moveId: 'video-1',
  from: host('us-west'),
  to: host('us-east'),
  cause: 'loop',
  reason: 'its user is nearer to us-east',
  phase: 'memory',
  outcome: 'running',
  phases: [
    { phase: 'preflight', startedAtMs: NOW_MS - 60_000, endedAtMs: NOW_MS - 58_000 },
    { phase: 'async-disk', startedAtMs: NOW_MS - 58_000, endedAtMs: NOW_MS - 20_000 },
    { phase: 'sync-switch', startedAtMs: NOW_MS - 20_000, endedAtMs: NOW_MS - 19_500 },
    { phase: 'memory', startedAtMs: NOW_MS - 19_500, endedAtMs: null },
  ],
  progress: {
    diskDoneBytes: 1_000_000_000,
    diskTotalBytes: 1_000_000_000,
    diskUsedBytes: 300_000_000,
    memoryDoneBytes: 100_000_000,
    memoryTotalBytes: 200_000_000,
    diskWireBytes: 300_000_000,
    memoryWireBytes: 60_000_000,
    bytesPerSecond: 7_500_000,
    dirtyBytesPerSecond: 0,
    round: 1,
  },
  percent: 80,
  etaMs: 13_333,
  error: null,
  blame: null,
  rttBeforeMs: 100.2,
  rttAfterMs: 20.4,
  downtimeMs: null,
  switchoverMs: null,
  wanBytes: { disk: 300_000_000, memory: 60_000_000 },
  heldPackets: 0,
  diskHashes: null,
  oldExternal: null,
  newExternal: null,
};

export const MOVED: MoveStatus = {
  ...MOVE,
  phase: 'cleanup',
  outcome: 'moved',
  percent: 100,
  etaMs: null,
  phases: [
    ...MOVE.phases.slice(0, 3),
    { phase: 'memory', startedAtMs: NOW_MS - 19_500, endedAtMs: NOW_MS - 3_000 },
    { phase: 'switchover', startedAtMs: NOW_MS - 3_000, endedAtMs: NOW_MS - 2_000 },
    { phase: 'cleanup', startedAtMs: NOW_MS - 2_000, endedAtMs: null },
  ],
  downtimeMs: 410,
  switchoverMs: 520,
  wanBytes: { disk: 300_000_000, memory: 210_000_000 },
  heldPackets: 17,
};

const capacity = { slots: 4, vcpus: 8, memoryMiB: 8192, diskMiB: 65_536 };
const used = { slots: 1, vcpus: 1, memoryMiB: 1024, diskMiB: 2048 };

export const LOOP: LoopStatus = {
  pool: PoolId.parse('main'),
  cycle: 12,
  beginning: false,
  lastCycleMs: NOW_MS - 5_000,
  nextCycleMs: NOW_MS + 25_000,
  acting: true,
  hosts: [
    { host: host('us-west'), alive: true, problem: null, capacity, used, lastSeenMs: NOW_MS - 5_000 },
    {
      host: host('us-east'),
      alive: false,
      problem: 'the host did not take up its task',
      capacity,
      used: { ...used, slots: 0 },
      lastSeenMs: NOW_MS - 65_000,
    },
  ],
  sites: [
    { site: SiteId.parse('us-west'), kind: 'regional', slots: 4, usedSlots: 1 },
    { site: SiteId.parse('us-east'), kind: 'regional', slots: 4, usedSlots: 0 },
  ],
  desktopCount: 1,
  desktops: [DESKTOP],
  moves: [],
  creating: [],
  recent: [],
  held: [],
  heldCount: 0,
  gains: [],
  plan: null,
  problems: ['us-east/h1: the host did not take up its task'],
};

export const LOOP_MOVING: LoopStatus = {
  ...LOOP,
  desktopCount: 1,
  desktops: [{ ...DESKTOP, move: 'migrate/video' }],
  moves: [
    {
      workflowId: 'migrate/video',
      desktop: desktopId('video'),
      to: host('us-east'),
      cause: 'loop',
      startedAtMs: NOW_MS - 60_000,
    },
  ],
};
