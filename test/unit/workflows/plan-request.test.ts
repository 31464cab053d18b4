import type { HostReport } from '../../../activities/host/desktops.js';
import { REFERENCE_RTTS_MS, type Fingerprint } from '../../../domain/fingerprint/model.js';
import { feltRtts } from '../../../domain/fingerprint/move-gain.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { HostId, SiteId } from '../../../domain/model/ids.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { planRequest, plannableRtts } from '../../../workflows/loop/plan-request.js';

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
  state.carried.users['d1'] = {
    rtts: Object.fromEntries(ids.map((id) => [id, 10])),
    measuredAtMs: Object.fromEntries(ids.map((id) => [id, NOW_MS - (ageMs[id] ?? 0)])),
    atMs: NOW_MS,
    seenAs: '203.0.113.2:40000',
  };
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
      doubts: ['no thin client has reported a round-trip time'],
    });
  });
});

describe('planRequest', () => {
  const report = (id: string): HostReport => ({
    host: { site: SiteId.parse('west'), host: HostId.parse('h1') },
    atMs: NOW_MS,
    capacity: { vcpus: 8, memoryMb: 8_192, diskMb: 8_192, slots: 8 },
    used: { vcpus: 1, memoryMb: 512, diskMb: 512, slots: 1 },
    desktops: [
      {
        definition: DesktopDefinition.parse({
          id,
          memoryMb: 512,
          diskMb: 512,
          network: { address: '10.7.0.2', gateway: '10.7.0.1', mac: '52:54:00:00:00:01' },
        }),
        state: 'running',
        epoch: 1,
        external: null,
        diskUsedBytes: 0,
      },
    ],
    windows: [],
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
});
