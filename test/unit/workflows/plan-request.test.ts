import type { HostReport } from '../../../activities/host/desktops.js';
import { REFERENCE_RTTS_MS, type Fingerprint } from '../../../domain/fingerprint/model.js';
import { feltRtts } from '../../../domain/fingerprint/rank/move-gain.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { HostId, SiteId } from '../../../domain/model/ids.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { isFresh, planDoubts, planRequest, plannableRtts } from '../../../workflows/loop/plan-request.js';

const NOW_MS = 1_000_000;
const site = (id: string, kind: 'global' | 'regional', longitude?: number) => ({
  id,
  kind,
  ...(longitude === undefined ? {} : { latitude: 40, longitude }),
  hosts: [{ id: 'h1', peer: { address: '192.0.2.1', port: 1 }, probe: { address: '192.0.2.1', port: 2 } }],
});
const cloud = CloudConfig.parse({
  sites: [
    site('west', 'regional', -120),
    site('east', 'regional', -75),
    site('paris', 'regional', 2),
    site('core', 'global', -95),
  ],
  policy: { placement: { nearestSites: 1 } },
});

function stateWith(ageMs: Record<string, number>): LoopState {
  const state = new LoopState(cloud, undefined);
  const ids = Object.keys(ageMs);
  state.users.set('d1', {
    rtts: Object.fromEntries(ids.map((id) => [id, 10])),
    measuredAtMs: Object.fromEntries(ids.map((id) => [id, NOW_MS - (ageMs[id] ?? 0)])),
    by: 'client',
    askedAtMs: NOW_MS,
    seenAs: '203.0.113.2:40000',
  });
  return state;
}

describe('plannableRtts', () => {
  it('plans with all sites while nobody knows where the user is', () => {
    const state = stateWith({ west: 0, east: 0, paris: 0, core: 0 });
    expect(Object.keys(plannableRtts(state, 'd1', 'west', NOW_MS).rttMs).sort()).toEqual([
      'core',
      'east',
      'paris',
      'west',
    ]);
  });

  it('leaves the k nearest sites, the global ones and the present one once the user is placed', () => {
    const state = stateWith({ west: 0, east: 0, paris: 0, core: 0 });
    state.places.set('203.0.113.2', { latitude: 40, longitude: -74 });
    expect(Object.keys(plannableRtts(state, 'd1', 'west', NOW_MS).rttMs).sort()).toEqual([
      'core',
      'east',
      'west',
    ]);
  });

  it('says which values are stale or missing, and plans without them', () => {
    const { rttMs, doubts } = plannableRtts(
      stateWith({ west: 0, east: 120_000, core: 0 }),
      'd1',
      'west',
      NOW_MS,
    );
    expect(Object.keys(rttMs).sort()).toEqual(['core', 'west']);
    expect(doubts.join()).toMatch(/east: last measured 120 s ago.*paris: no round-trip time measured yet/);
  });

  it('says so when no round trip of the user is known at all', () => {
    expect(plannableRtts(new LoopState(cloud, undefined), 'd1', 'west', NOW_MS)).toEqual({
      rttMs: {},
      doubts: ['no thin client and no host has measured a round-trip time'],
    });
  });
});

describe('isFresh', () => {
  const pinged = (askedAtMs: number, rtts: Record<string, number> = { west: 10 }) => {
    const state = stateWith({});
    state.users.set('d1', {
      rtts,
      measuredAtMs: Object.fromEntries(Object.keys(rtts).map((id) => [id, askedAtMs])),
      by: 'hosts',
      askedAtMs,
      seenAs: '203.0.113.2:40000',
    });
    return state;
  };
  const later = (ms: number) => NOW_MS + ms;

  it('asks a silent user again after minutes, one whose thin client fell silent at once', () => {
    expect(isFresh(pinged(NOW_MS), 'd1', '203.0.113.2', later(120_000))).toBe(true);
    expect(isFresh(pinged(NOW_MS), 'd1', '203.0.113.2', later(600_000))).toBe(false);
    expect(isFresh(stateWith({ west: 0 }), 'd1', '203.0.113.2', later(10_000))).toBe(true);
    expect(isFresh(stateWith({ west: 0 }), 'd1', '203.0.113.2', later(120_000))).toBe(false);
  });
  it('does not ask a user who never answers in every cycle: others must have their turn', () => {
    expect(isFresh(pinged(NOW_MS, {}), 'd1', '203.0.113.2', later(60_000))).toBe(true);
  });
  it('asks at once when the user is at another address', () => {
    expect(isFresh(pinged(NOW_MS), 'd1', '198.51.100.9', later(1_000))).toBe(false);
  });
});

describe('carryOver', () => {
  it('hands on what no host reports again: clocks, moves, pinged users; locks that have ended it forgets', () => {
    const state = stateWith({ west: 0 });
    const pinged = {
      rtts: { west: 9 },
      measuredAtMs: { west: NOW_MS },
      by: 'hosts' as const,
      askedAtMs: NOW_MS,
    };
    state.users.set('d2', { ...pinged, seenAs: '203.0.113.9:1' });
    state.lockedUntilMs.set('d1', NOW_MS + 1);
    state.lockedUntilMs.set('d2', NOW_MS);
    state.lowSinceMs.set('d2', 5);
    const next = new LoopState(
      cloud,
      JSON.parse(JSON.stringify(state.carryOver(NOW_MS))) as ReturnType<LoopState['carryOver']>,
    );
    expect([...next.users.keys()]).toEqual(['d2']);
    expect([...next.lockedUntilMs]).toEqual([['d1', NOW_MS + 1]]);
    expect([...next.lowSinceMs]).toEqual([['d2', 5]]);
    expect(next.policy).toEqual(state.policy);
  });
});

describe('planRequest', () => {
  const report = (id: string): HostReport => ({
    host: { site: SiteId.parse('west'), host: HostId.parse('h1') },
    atMs: NOW_MS,
    capacity: { vcpus: 8, memoryMiB: 8_192, diskMiB: 8_192, slots: 8 },
    used: { vcpus: 1, memoryMiB: 512, diskMiB: 512, slots: 1 },
    desktops: [
      {
        definition: DesktopDefinition.parse({
          id,
          memoryMiB: 512,
          diskMiB: 512,
          network: { address: '10.7.0.2', gateway: '10.7.0.1', mac: '52:54:00:00:00:01' },
        }),
        state: 'running',
        epoch: 1,
        external: null,
        diskUsedBytes: 0,
        dirty: { memoryMbps: null, diskMbps: null },
      },
    ],
    fingerprints: [],
    users: [],
  });
  const curve = REFERENCE_RTTS_MS.map((ms) => Math.min(24, 1000 / (ms + 5)));
  const film = {
    rank: 0.9,
    rankedBy: 'predicted-gain',
    gain: { refreshLossFps: 14, responseLossMs: 99, inputsPerSecond: 0, refresh: 1, input: 0 },
    prediction: { framesPerSecond: curve, visibleFps: curve, responseMs: curve },
  } as unknown as Fingerprint;

  it('gives the plan the round trips that a predicted session feels, and none for one that the paper ranks', () => {
    const state = stateWith({ west: 0, east: 0 });
    state.reports.set('west/h1', report('d1'));
    state.current.set('d1', film);
    const [felt] = planRequest(state, NOW_MS).desktops;
    expect(felt).toMatchObject({ id: 'd1', rank: 0.9, feltRttMs: feltRtts(film, state.policy.fingerprint)! });
    state.current.set('d1', { ...film, rankedBy: 'paper' });
    expect(planRequest(state, NOW_MS).desktops[0]).not.toHaveProperty('feltRttMs');
  });

  it('plans with sites whose hosts answer, and says which do not and whose round trips are missing', () => {
    const state = stateWith({ west: 0, east: 0, core: 120_000 });
    state.reports.set('west/h1', report('d1'));
    state.reports.set('core/h1', {
      ...report('d2'),
      host: { site: SiteId.parse('core'), host: HostId.parse('h1') },
    });
    const request = planRequest(state, NOW_MS);
    expect(request.sites.map((s) => s.id)).toEqual(['west', 'core']);
    expect(request.desktops.map((d) => [d.id, d.rttMs])).toEqual([
      ['d1', { west: 10 }],
      ['d2', {}],
    ]);
    expect(planDoubts(state, request)).toEqual([
      'no host answers at east, paris: nobody is planned to go there',
      'without a fresh round-trip time to their own site, not planned: d2',
      'planned without some of their sites, whose round-trip times are stale or missing: d1; `vmshadow explain DESKTOP` names them',
    ]);
  });

  it('counts gigabytes of 10^9 bytes, as a plan of a file does', () => {
    const state = stateWith({ west: 0 });
    state.reports.set('west/h1', report('d1'));
    const { sites, desktops } = planRequest(state, NOW_MS);
    expect(sites[0]?.hosts?.[0]).toMatchObject({ memoryGB: 8.589934592, diskGB: 8.589934592 });
    expect(desktops[0]).toMatchObject({ memoryGB: 0.536870912, diskGB: 0.536870912 });
  });

  it('understands hosts and a state from before sizes were called MiB', () => {
    const inOldNames = <T>(value: T) =>
      JSON.parse(JSON.stringify(value).replaceAll('MiB"', 'Mb"').replaceAll('msPerGB', 'msPerGb')) as T;
    const state = stateWith({ west: 0 });
    const next = new LoopState(cloud, inOldNames(state.carryOver(NOW_MS)));
    next.takeIn(report('d1').host, next.nextAsk(), { report: inOldNames(report('d1')) });
    const then = planRequest(next, NOW_MS);
    expect(then.desktops[0]?.memoryGB).toBe(0.536870912);
    expect(then.policy).toEqual(planRequest(state, NOW_MS).policy);
  });

  it('gives the plan the dirty rates as far as they are known, and 0 for the rest', () => {
    const state = stateWith({ west: 0 });
    state.reports.set('west/h1', report('d1'));
    expect(planRequest(state, NOW_MS).desktops[0]).toMatchObject({ memoryDirtyMbps: 0, diskDirtyMbps: 0 });
    const [desktop] = report('d1').desktops;
    const measured = { ...desktop!, dirty: { memoryMbps: 12.5, diskMbps: null } };
    state.reports.set('west/h1', { ...report('d1'), desktops: [measured] });
    expect(planRequest(state, NOW_MS).desktops[0]).toMatchObject({ memoryDirtyMbps: 12.5, diskDirtyMbps: 0 });
    const unmeasured = { ...measured, dirty: undefined };
    const before = { ...report('d1'), desktops: [unmeasured] } as unknown as HostReport;
    state.reports.set('west/h1', before);
    expect(planRequest(state, NOW_MS).desktops[0]).toMatchObject({ memoryDirtyMbps: 0, diskDirtyMbps: 0 });
  });
});
