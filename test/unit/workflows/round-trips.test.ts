import { CloudConfig } from '../../../domain/model/cloud.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { heardSince, isFresh, plannableRtts } from '../../../workflows/loop/round-trips.js';

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

describe('heardSince', () => {
  const before = { ...stateWith({ west: 0 }).users.get('d1')!, askedAtMs: NOW_MS, sinceMs: NOW_MS - 5_000 };

  it('is when a client began to speak, and begins anew after silence or pings', () => {
    expect(heardSince(undefined, NOW_MS)).toBe(NOW_MS);
    expect(heardSince(before, NOW_MS + 5_000)).toBe(NOW_MS - 5_000);
    expect(heardSince(before, NOW_MS + 60_001)).toBe(NOW_MS + 60_001);
    expect(heardSince({ ...before, by: 'hosts' }, NOW_MS + 5_000)).toBe(NOW_MS + 5_000);
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
