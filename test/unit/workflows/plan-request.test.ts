import { readHostReport, type HostReport } from '../../../temporal/contract/host-report.js';
import { REFERENCE_RTTS_MS, type Fingerprint } from '../../../domain/fingerprint/model.js';
import { feltRtts } from '../../../domain/fingerprint/rank/move-gain.js';
import { HostId, HostRef, SiteId } from '../../../domain/model/ids.js';
import { DrainPlace } from '../../../domain/drain/place.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { beginRun, carryOver } from '../../../workflows/loop/carry-over.js';
import { planDoubts, planRequest } from '../../../workflows/loop/plan-request.js';
import { desktopReport } from './desktop-report.js';

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

describe('planRequest', () => {
  const report = (id: string): HostReport => ({
    host: { site: SiteId.parse('west'), host: HostId.parse('h1') },
    atMs: NOW_MS,
    capacity: { vcpus: 8, memoryMiB: 8_192, diskMiB: 8_192, slots: 8 },
    used: { vcpus: 1, memoryMiB: 512, diskMiB: 512, slots: 1 },
    desktops: [desktopReport(id)],
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

  it('keeps desktops from hosts whose processors cannot take them, and says nothing of those that all can', () => {
    const at = (id: string) => ({ site: SiteId.parse(id), host: HostId.parse('h1') });
    const big = { model: 'new', flags: ['aes', 'avx2'], models: { Haswell: 90, Westmere: 50 } };
    const small = { model: 'old', flags: ['aes'], models: { Westmere: 50 } };
    const ask = (west: typeof small | undefined, east: typeof small | undefined, cpu?: string) => {
      const state = stateWith({ west: 0, east: 0 });
      const mine = report('d1');
      const [first] = mine.desktops;
      const desktops = [{ ...first!, definition: { ...first!.definition, cpu } }];
      state.reports.set('west/h1', { ...mine, desktops, cpu: west });
      state.reports.set('east/h1', { ...report('d2'), desktops: [], host: at('east'), cpu: east });
      const { desktops: planned, sites } = planRequest(state, NOW_MS);
      const requires = planned[0]?.requires ?? [];
      const provides = (id: string) => sites.find((s) => s.id === id)?.hosts?.[0]?.provides ?? [];
      return { requires, west: provides('west'), east: provides('east') };
    };
    const kept = ask(big, small);
    expect(kept.requires).toEqual([expect.stringMatching(/^the CPU [0-9a-f]{8}, all of new$/)]);
    expect([kept.west, kept.east]).toEqual([kept.requires, []]);
    expect(ask(big, small, 'Haswell')).toEqual({
      requires: ['the CPU Haswell'],
      west: ['the CPU Haswell'],
      east: [],
    });
    const none = { requires: [], west: [], east: [] };
    expect(ask(big, small, 'Westmere')).toEqual(none);
    expect(ask(big, big)).toEqual(none);
    expect(ask(big, undefined)).toEqual(none);
  });

  it('plans moves only between hosts of one hypervisor, and says so where they differ', () => {
    const state = stateWith({ west: 0, east: 0 });
    const east = { site: SiteId.parse('east'), host: HostId.parse('h1') };
    const ask = (hypervisor: string | undefined) => {
      state.reports.set('west/h1', { ...report('d1'), hypervisor: 'xen' });
      state.reports.set('east/h1', { ...report('d2'), desktops: [], host: east, hypervisor });
      const request = planRequest(state, NOW_MS);
      const provides = request.sites.map(({ hosts }) => hosts?.[0]?.provides);
      return { requires: request.desktops[0]?.requires, provides, doubts: planDoubts(state, request) };
    };
    const mixed = ask('qemu-kvm');
    expect(mixed.requires).toEqual(['the hypervisor xen']);
    expect(mixed.provides).toEqual([['the hypervisor xen'], undefined]);
    expect(mixed.doubts[0]).toMatch(
      /between hosts of one hypervisor: qemu-kvm at east\/h1; xen at west\/h1$/,
    );
    for (const alike of ['xen', undefined])
      expect(ask(alike)).toMatchObject({ requires: undefined, provides: [undefined, undefined] });
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

  it('lets nobody move whose client has only begun to measure the sites that count, for a while', () => {
    const at = (id: string): HostReport => ({
      ...report(`of-${id}`),
      host: { site: SiteId.parse(id), host: HostId.parse('h1') },
    });
    const lockWith = (known: string[], sinceMs: number) => {
      const state = stateWith(Object.fromEntries(known.map((id) => [id, 0])));
      state.users.set('d1', { ...state.users.get('d1')!, sinceMs });
      state.reports.set('west/h1', report('d1'));
      for (const id of ['east', 'core']) state.reports.set(`${id}/h1`, at(id));
      return planRequest(state, NOW_MS).desktops.find((d) => d.id === 'd1')?.lockedUntilMs ?? 0;
    };
    expect(lockWith(['west', 'east'], NOW_MS - 1_000)).toBeGreaterThan(NOW_MS);
    expect(lockWith(['west', 'east'], NOW_MS - 60_000)).toBeLessThan(NOW_MS);
    // Paris has no host that answers: it is not waited for.
    expect(lockWith(['west', 'east', 'core'], NOW_MS - 1_000)).toBe(0);
  });

  it('marks the sites and hosts that are being emptied', () => {
    const state = stateWith({ west: 0 });
    state.reports.set('west/h1', report('d1'));
    const emptied = (...places: string[]) => {
      state.draining.clear();
      for (const place of places) {
        const [site, host] = place.split('/');
        const drained = host === undefined ? { site } : HostRef.parse({ site, host });
        state.draining.set(place, { ...DrainPlace.parse(drained), sinceMs: 1 });
      }
      return planRequest(state, NOW_MS).sites.map((s) => [s.draining, s.hosts?.map((h) => h.draining)]);
    };
    expect(emptied()).toEqual([[undefined, [undefined]]]);
    expect(emptied('west')).toEqual([[true, [true]]]);
    expect(emptied('east', 'west/h1', 'west/h2')).toEqual([[undefined, [true]]]);
  });

  it('lets whoever must leave go anywhere, whatever it was locked or left alone for, and nobody else where only they are meant', () => {
    const state = stateWith({ west: 0, east: 0 });
    state.reports.set('west/h1', report('d1'));
    for (const id of ['east', 'paris', 'core'])
      state.reports.set(`${id}/h1`, { ...report(`at-${id}`), host: HostRef.parse({ site: id, host: 'h1' }) });
    state.lockedUntilMs.set('d1', NOW_MS + 1_000);
    state.draining.set('west', { ...DrainPlace.parse({ site: 'west' }), sinceMs: NOW_MS });
    const planned = (id: string, onlyLeaving: boolean) =>
      planRequest(state, NOW_MS, {}, onlyLeaving).desktops.find((d) => d.id === id);
    expect(planned('d1', false)?.rttMs).toEqual({ west: 10, east: 10, paris: 1_000, core: 1_000 });
    expect(planned('d1', true)).not.toHaveProperty('lockedUntilMs');
    expect(planned('at-east', false)).not.toHaveProperty('pinned');
    expect(planned('at-east', true)).toMatchObject({ pinned: true, rttMs: {} });
    state.sparedUntilMs.set('d1', NOW_MS + 500);
    expect(planned('d1', true)?.lockedUntilMs).toBe(NOW_MS + 500);
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
    const carried = inOldNames({ ...carryOver(state, NOW_MS), version: undefined });
    const next = beginRun(cloud, carried, NOW_MS);
    const { host } = report('d1');
    next.takeIn(host, next.nextAsk(), readHostReport(inOldNames(report('d1')), host));
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
