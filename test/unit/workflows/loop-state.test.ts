import type { HostReport } from '../../../temporal/contract/host-report.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../../domain/model/ids.js';
import type { MoveUnderWay } from '../../../temporal/contract/carried.js';
import { MaintenanceWindow, windowKey } from '../../../domain/maintenance/window.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';

const hostAt = (n: number) => ({
  id: `h${String(n)}`,
  peer: { address: `192.0.2.${String(n)}`, port: 1 },
  probe: { address: `192.0.2.${String(n)}`, port: 2 },
});
const cloud = CloudConfig.parse({ sites: [{ id: 'west', kind: 'regional', hosts: [hostAt(1), hostAt(2)] }] });
const [h1, h2] = ['h1', 'h2'].map((host) => HostRef.parse({ site: 'west', host })) as [HostRef, HostRef];

/** A report of desktops with the epochs of their ownership. */
const reportOf = (host: HostRef, desktops: Record<string, number>) =>
  ({
    host,
    desktops: Object.entries(desktops).map(([id, epoch]) => ({ definition: { id }, epoch })),
    fingerprints: [{ desktop: 'x' }],
    users: [{ desktop: 'x' }],
  }) as unknown as HostReport;

describe('forgetGone', () => {
  const stateOf = (...desktops: string[]): LoopState => {
    const state = new LoopState(cloud, undefined);
    state.takeIn(h1, 1, { report: reportOf(h1, { here: 1 }) });
    state.takeIn(h2, 2, { report: reportOf(h2, {}) });
    for (const desktop of desktops) state.lowSinceMs.set(desktop, 1);
    return state;
  };

  it('drops the clocks of desktops that no host has, but for those on their way', () => {
    const state = stateOf('here', 'gone', 'moving');
    state.moves.set('moving', {} as MoveUnderWay);
    state.forgetGone();
    expect([...state.lowSinceMs.keys()]).toEqual(['here', 'moving']);
  });

  it('drops nothing while a host could not be asked', () => {
    const state = stateOf('gone');
    state.takeIn(h1, 3, { problem: 'down' });
    state.forgetGone();
    expect([...state.lowSinceMs.keys()]).toEqual(['gone']);
  });
});

describe('forget', () => {
  it('drops a desktop that was removed, with its clocks, from the last words of dead hosts too', () => {
    const state = new LoopState(cloud, undefined);
    state.takeIn(h1, 1, { report: reportOf(h1, { gone: 1, here: 1 }) });
    state.takeIn(h1, 2, { problem: 'down' });
    state.takeIn(h2, 3, { report: reportOf(h2, { gone: 2 }) });
    state.lockedUntilMs.set('gone', 1);
    state.forget(DesktopId.parse('gone'));
    expect(state.desktops().map((d) => d.report.definition.id)).toEqual(['here']);
    expect(state.find(DesktopId.parse('gone'))).toBeNull();
    expect(state.lockedUntilMs.size).toBe(0);
  });
});

describe('the reports of a loop', () => {
  it('are not replaced by the late answer to an earlier request, be it a report or a failure', () => {
    const state = new LoopState(cloud, undefined);
    const [early, late] = [state.nextAsk(), state.nextAsk()];
    expect(state.takeIn(h1, late, { report: reportOf(h1, { made: 1 }) })).toBe(true);
    expect(state.takeIn(h1, early, { report: reportOf(h1, {}) })).toBe(false);
    expect(state.takeIn(h1, early, { problem: 'down' })).toBe(false);
    expect(state.desktops().map((d) => d.report.definition.id)).toEqual(['made']);
    expect(state.isAlive(h1)).toBe(true);
    expect(state.takeIn(h1, state.nextAsk(), { problem: 'down' })).toBe(true);
    expect(state.isAlive(h1)).toBe(false);
  });

  it.each([
    ['source first', [h1, h2]],
    ['target first', [h2, h1]],
  ])('count a desktop that moved between them once, at its newer owner (%s)', (_, order) => {
    const state = new LoopState(cloud, undefined);
    const reports = new Map([
      [h1, reportOf(h1, { moved: 3, other: 1 })],
      [h2, reportOf(h2, { moved: 4 })],
    ]);
    for (const host of order) state.takeIn(host, state.nextAsk(), { report: reports.get(host)! });
    const found = state.desktops().map((d) => [d.report.definition.id, d.host.host]);
    expect(Object.fromEntries(found)).toEqual({ moved: 'h2', other: 'h1' });
    expect(found).toHaveLength(2);
    expect(state.find(DesktopId.parse('moved'))?.host).toEqual(h2);
  });
});

it('lets go of maintenance and drains of places that vmshadow.yaml no longer has: nobody could remove them', () => {
  const site = (id: string, hosts: string[]) => ({
    id,
    kind: 'regional',
    hosts: hosts.map((host) => ({
      id: host,
      peer: { address: '192.0.2.1', port: 7947 },
      probe: { address: '192.0.2.1', port: 7948 },
    })),
  });
  const state = new LoopState(
    CloudConfig.parse({ sites: [site('west', ['h1', 'h2']), site('east', ['h1'])] }),
    undefined,
  );
  for (const place of [{ site: 'west' }, { site: 'west', host: 'h2' }, { site: 'east', host: 'h1' }]) {
    const window = MaintenanceWindow.parse({ ...place, fromMs: 2, toMs: 3, leadFromMs: 1, drain: true });
    state.windows.set(windowKey(window), window);
  }
  state.setCloud(CloudConfig.parse({ sites: [site('west', ['h1'])] }));
  expect([...state.windows.keys()]).toEqual(['west 2']);
});
