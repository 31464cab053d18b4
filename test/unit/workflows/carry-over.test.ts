import type { Hold } from '../../../domain/migration/held-moves.js';
import type { HostReport } from '../../../temporal/contract/host-report.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../../domain/model/ids.js';
import { loopStatus } from '../../../workflows/loop/status.js';
import { beginRun, carryOver } from '../../../workflows/loop/carry-over.js';
import { windowKey } from '../../../domain/maintenance/window.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { desktopReport } from './desktop-report.js';

const hostAt = (n: number) => ({
  id: `h${String(n)}`,
  peer: { address: `192.0.2.${String(n)}`, port: 1 },
  probe: { address: `192.0.2.${String(n)}`, port: 2 },
});
const cloud = CloudConfig.parse({ sites: [{ id: 'west', kind: 'regional', hosts: [hostAt(1), hostAt(2)] }] });
const [h1, h2] = ['h1', 'h2'].map((host) => HostRef.parse({ site: 'west', host })) as [HostRef, HostRef];
const capacity = { slots: 2, vcpus: 2, memoryMiB: 1024, diskMiB: 1024 };

const withRates = (id: string) => desktopReport(id, { dirty: { memoryMbps: 3, diskMbps: null } });
const reportOf = (host: HostRef, desktop: string): HostReport => ({
  host,
  atMs: 1,
  capacity,
  used: capacity,
  desktops: [withRates(desktop)],
  fingerprints: [],
  users: [],
});

/** As it comes out of Temporal. */
const sent = (state: LoopState) => JSON.parse(JSON.stringify(carryOver(state, 0))) as Record<string, unknown>;
const nextOf = (state: LoopState) => beginRun(cloud, sent(state), 0);

const hold: Hold = {
  blame: 'move',
  desktop: DesktopId.parse('d1'),
  from: h1,
  to: h2,
  code: 'MEMORY_COPY',
  reason: 'broke',
  failures: 2,
  failedAtMs: 1,
  untilMs: 9,
  situation: null,
};

const NEW_IN_4 = { draining: [], spared: {}, pausedSinceMs: null };
const NEW_IN_5 = { constraints: {} };
const NEW_IN_6 = { windows: [] };
const NEW_SINCE_4 = { ...NEW_IN_5, ...NEW_IN_6 };
const NOTHING_NEW = { holds: {}, creating: {}, gains: [], unhelped: {}, ...NEW_IN_4, ...NEW_SINCE_4 };
const without = (carried: Record<string, unknown>, fields: object) =>
  Object.fromEntries(Object.entries(carried).filter(([key]) => !(key in fields)));
const asBefore3 = (carried: Record<string, unknown>) => without(carried, NOTHING_NEW);

/** A loop that has something of everything to hand over. */
function fullState(): LoopState {
  const state = new LoopState(cloud, undefined);
  const desktop = DesktopId.parse('d1');
  state.cycle = 7;
  state.policy = { ...state.policy, cycleMs: 1_234 };
  state.lockedUntilMs.set(desktop, 5);
  state.lowSinceMs.set(desktop, 6);
  const move = { desktop, from: h1, to: h2, cause: 'loop' as const };
  state.startMove({
    ...move,
    workflowId: 'migrate/d1',
    startedAtMs: 3,
    parking: true,
    vcpus: 1,
    memoryMiB: 2,
    diskMiB: 3,
  });
  state.endMove({ ...move, desktop: DesktopId.parse('d2'), outcome: 'moved', error: null }, 4);
  const rtts = { measuredAtMs: { west: 1 }, rtts: { west: 2 }, askedAtMs: 3, seenAs: '203.0.113.9:1' };
  state.users.set(desktop, { ...rtts, by: 'hosts' });
  state.askCycle({ act: true, cause: 'rebalance' });
  state.holds = new Map([['d1 to west/h2', hold]]);
  state.draining.set('west/h2', { ...h2, sinceMs: 8 });
  const window = { ...h1, fromMs: 5, toMs: 9, leadFromMs: 4, drain: true };
  state.windows.set(windowKey(window), window);
  state.sparedUntilMs.set(desktop, 9);
  state.pausedSinceMs = 10;
  state.constraints.set(desktop, { pinned: true, affinity: [{ group: 'lab', per: 'site' }] });
  const felt = { rttMs: 1, responseMs: null };
  const gain = { desktop, from: h1, to: h2, endedAtMs: 1, before: felt, predicted: felt };
  state.gains = [{ ...gain, realised: null, verdict: 'waiting' }];
  state.unhelped = new Map([['d1', { misses: 2, user: 'u', host: h2, words: 'w' }]]);
  state.takeIn(h1, 1, { report: { ...reportOf(h1, 'lost'), startedAtMs: 1 } });
  state.takeIn(h1, 2, { problem: 'does not answer' });
  return state;
}

describe('the next run of a loop', () => {
  it('begins with all that the run before has handed over', () => {
    const state = fullState();
    const next = nextOf(state);
    expect(carryOver(next, 0)).toEqual(carryOver(state, 0));
    expect(next.beganAfresh).toBeNull();
  });

  it('is not handed what thin clients report again, nor locks that have ended', () => {
    const state = fullState();
    state.users.set('d2', {
      measuredAtMs: { west: 1 },
      rtts: { west: 2 },
      by: 'client',
      askedAtMs: 3,
      seenAs: '203.0.113.8:1',
    });
    state.lockedUntilMs.clear();
    state.lockedUntilMs.set('d1', 6);
    state.lockedUntilMs.set('d2', 5);
    const next = carryOver(state, 5);
    expect(Object.keys(next.users)).toEqual(['d1']);
    expect(next.lockedUntilMs).toEqual({ d1: 6 });
  });

  it('begins with the cycle that was asked for and not begun, and acts if any asked for that', () => {
    const state = new LoopState(cloud, undefined);
    expect(nextOf(state).asked).toBeNull();
    state.askCycle({ act: false, cause: 'operator' });
    state.askCycle({ act: true, cause: 'rebalance' });
    state.askCycle({ act: false, cause: 'operator' });
    expect(nextOf(state).asked).toEqual({ act: true, cause: 'rebalance' });
  });

  it('knows what a silent host said last, and that it is silent', () => {
    const state = new LoopState(cloud, undefined);
    state.takeIn(h1, 1, { report: reportOf(h1, 'office') });
    state.takeIn(h2, 2, { report: reportOf(h2, 'lost') });
    state.takeIn(h2, 3, { problem: 'does not answer' });
    const next = nextOf(state);
    expect(next.desktops().map((d) => d.report)).toEqual([withRates('lost')]);
    expect([h1, h2].map((h) => next.isAlive(h))).toEqual([false, false]);
    expect([...next.problems]).toEqual([['west/h2', 'does not answer']]);
  });

  it('lets go of last words that cannot be read, and of nothing else', () => {
    const carried = sent(fullState());
    const next = beginRun(cloud, { ...carried, lastWords: [{ report: { host: 'x' }, problem: 'y' }] }, 0);
    expect(next.reports.size).toBe(0);
    expect(next.cycle).toBe(7);
  });

  it('reads the state of the release before, which had no version', () => {
    const { version, beganAfresh, ...before } = sent(fullState());
    expect([version, beganAfresh]).toEqual([6, null]);
    const inOldNames = JSON.parse(JSON.stringify(asBefore3(before)).replaceAll('MiB"', 'Mb"')) as unknown;
    expect(carryOver(beginRun(cloud, inOldNames, 0), 0)).toEqual({
      ...carryOver(fullState(), 0),
      ...NOTHING_NEW,
    });
  });

  it('reads the state of version 3, which knew no draining and no pause', () => {
    const rest = sent(fullState());
    expect(rest).toMatchObject({ draining: [{ site: 'west', host: 'h2', sinceMs: 8 }], pausedSinceMs: 10 });
    const next = beginRun(cloud, { ...without(rest, { ...NEW_IN_4, ...NEW_SINCE_4 }), version: 3 }, 0);
    expect(next.beganAfresh).toBeNull();
    expect(carryOver(next, 0)).toEqual({ ...carryOver(fullState(), 0), ...NEW_IN_4, ...NEW_SINCE_4 });
  });

  it('reads the state of version 4, which knew no constraints', () => {
    const rest = sent(fullState());
    expect(rest['constraints']).toMatchObject({ d1: { pinned: true } });
    const next = beginRun(cloud, { ...without(rest, NEW_SINCE_4), version: 4 }, 0);
    expect(next.beganAfresh).toBeNull();
    expect(carryOver(next, 0)).toEqual({ ...carryOver(fullState(), 0), ...NEW_SINCE_4 });
  });

  it('reads the state of version 5, which knew no maintenance windows', () => {
    const rest = sent(fullState());
    expect(rest['windows']).toMatchObject([{ host: 'h1', fromMs: 5, drain: true }]);
    const next = beginRun(cloud, { ...without(rest, NEW_IN_6), version: 5 }, 0);
    expect(next.beganAfresh).toBeNull();
    expect(carryOver(next, 0)).toEqual({ ...carryOver(fullState(), 0), ...NEW_IN_6 });
  });

  it('reads the state of version 2, which held no moves back', () => {
    const rest = sent(fullState());
    expect(rest['holds']).toEqual({ 'd1 to west/h2': hold });
    const next = beginRun(cloud, { ...asBefore3(rest), version: 2 }, 0);
    expect(carryOver(next, 0)).toEqual({ ...carryOver(fullState(), 0), ...NOTHING_NEW });
  });

  it('reads the state of the first release, which carried no asked cycle and no last words', () => {
    const { version, beganAfresh, asked, lastWords, ...before } = sent(fullState());
    expect([version, beganAfresh, asked, lastWords].every((v) => v !== undefined)).toBe(true);
    const next = beginRun(cloud, before, 0);
    expect(next.cycle).toBe(7);
    expect(next.asked).toBeNull();
  });

  it.each<[string, unknown, RegExp]>([
    ['of a newer release', { ...sent(fullState()), version: 7 }, /version/],
    ['that is broken', { ...sent(fullState()), cycle: -1, policy: 5 }, /cycle: [\s\S]*policy: /],
    ['that is none', 'nonsense', /expected object/],
  ])(
    'begins afresh and paused with a state %s, and says so for a day, also after further runs',
    (_, carried, why) => {
      const atMs = Date.now();
      const next = beginRun(cloud, carried, atMs);
      expect(next.cycle).toBe(0);
      expect(next.policy).toEqual(cloud.policy);
      expect(next.pausedSinceMs).toBe(atMs);
      const problems = (state: LoopState) => loopStatus(state, { from: 0, limit: 0 }).problems;
      expect(problems(next)).toEqual([expect.stringMatching(/^the loop began afresh at 20/)]);
      expect(problems(next)[0]).toMatch(why);
      const later = beginRun(cloud, JSON.parse(JSON.stringify(carryOver(next, atMs))), atMs);
      expect(problems(later)).toEqual(problems(next));
      expect(carryOver(later, atMs + 86_400_000).beganAfresh).toBeNull();
    },
  );
});
