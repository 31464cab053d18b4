// What the loop makes of moves that ended: measured when their users work again, and no more of them where they do not help.
import type { Fingerprint } from '../../../domain/fingerprint/model.js';
import { REFERENCE_RTTS_MS } from '../../../domain/fingerprint/model.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { DesktopId, HostRef } from '../../../domain/model/ids.js';
import { DesktopsAsk } from '../../../temporal/contract/status.js';
import { beginRun, carryOver } from '../../../workflows/loop/carry-over.js';
import { expectGain, feltByMove, leftAlone, measureGains } from '../../../workflows/loop/gains.js';
import { retryMoves } from '../../../workflows/loop/holds.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { planRequest } from '../../../workflows/loop/plan-request.js';
import { loopStatus } from '../../../workflows/loop/status.js';

const address = { address: '192.0.2.1', port: 1 };
const cloud = CloudConfig.parse({
  sites: ['west', 'east'].map((id) => ({
    id,
    kind: 'regional',
    hosts: [{ id: 'h1', peer: address, probe: address }],
  })),
});
const [west, east] = ['west', 'east'].map((site) => HostRef.parse({ site, host: 'h1' })) as [
  HostRef,
  HostRef,
];
const desktop = DesktopId.parse('d1');
const capacity = { slots: 9, vcpus: 9, memoryMiB: 9_999, diskMiB: 9_999 };
const MINUTE_MS = 60_000;

/** The desktop is at `host`; its user, `rttMs` away, has a session whose answers take `thinkMs` beside the distance. */
function see(
  state: LoopState,
  host: HostRef,
  rttMs: number,
  thinkMs: number,
  atMs: number,
  from = '203.0.113.2',
) {
  for (const ref of [west, east]) {
    const definition = DesktopDefinition.parse({
      id: 'd1',
      memoryMiB: 64,
      diskMiB: 64,
      network: { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:0a:4d:00:02' },
    });
    const here = {
      definition,
      state: 'running' as const,
      problem: null,
      epoch: 1,
      external: null,
      diskUsedBytes: 0,
      dirty: { memoryMbps: null, diskMbps: null },
    };
    const desktops = ref === host ? [here] : [];
    const report = { host: ref, atMs, capacity, used: capacity, desktops, fingerprints: [], users: [] };
    state.takeIn(ref, state.nextAsk(), { report });
  }
  const responseMs = REFERENCE_RTTS_MS.map((ms) => ms + thinkMs);
  const framesPerSecond = REFERENCE_RTTS_MS.map((ms) => 1000 / (ms + thinkMs));
  state.current.set('d1', {
    desktop: 'd1',
    rank: 0.9,
    rankedBy: 'paper',
    session: { takenAtMs: atMs },
    user: { address: from, port: 1 },
    prediction: { framesPerSecond, visibleFps: framesPerSecond, responseMs },
  } as unknown as Fingerprint);
  state.users.set('d1', {
    rtts: { [host.site]: rttMs },
    measuredAtMs: { [host.site]: atMs },
    by: 'client',
    askedAtMs: atMs,
    seenAs: `${from}:4000`,
  });
}

/** Move the desktop, for 100 ms to become 20; the session then needs `thinkMs` beside the distance. */
function moveOnce(state: LoopState, from: HostRef, to: HostRef, thinkMs: number, atMs: number): void {
  see(state, from, 100, 30, atMs);
  const move = { desktop, from, to, cause: 'loop' as const };
  const sizes = { vcpus: 1, memoryMiB: 64, diskMiB: 64 };
  const felt = feltByMove(state, desktop, 100, 20);
  const under = { ...move, workflowId: 'migrate/d1', startedAtMs: atMs, parking: false, ...sizes, ...felt };
  state.startMove(under);
  const ended = { ...move, outcome: 'moved' as const, error: null };
  state.endMove(ended, atMs);
  expectGain(state, ended, under, atMs);
  see(state, to, 20, thinkMs, atMs + MINUTE_MS);
  measureGains(state, atMs + MINUTE_MS);
}

describe('the loop', () => {
  it('measures what a move gave, beside what was predicted', () => {
    const state = new LoopState(cloud, undefined);
    moveOnce(state, west, east, 35, 0);
    expect(loopStatus(state, DesktopsAsk.parse({})).gains).toEqual([
      {
        desktop,
        from: west,
        to: east,
        endedAtMs: 0,
        before: { rttMs: 100, responseMs: 130 },
        predicted: { rttMs: 20, responseMs: 50 },
        realised: { rttMs: 20, responseMs: 55 },
        verdict: 'helped',
      },
    ]);
    expect(leftAlone(state, 'd1', east)).toBeNull();
  });

  it('waits for the user, and expects nothing where no round trip was known', () => {
    const state = new LoopState(cloud, undefined);
    see(state, west, 100, 30, 0);
    expect(feltByMove(state, desktop, null, 20)).toEqual({});
    const felt = feltByMove(state, desktop, 100, 20);
    const move = { desktop, from: west, to: east, cause: 'loop' as const };
    const ended = { ...move, outcome: 'moved' as const, error: null };
    const under = { ...move, workflowId: '', startedAtMs: 0, vcpus: 1, memoryMiB: 1, diskMiB: 1 };
    expectGain(state, ended, { ...under, parking: false }, 0);
    expectGain(state, ended, { ...under, parking: true, ...felt }, 0);
    expect(state.gains).toEqual([]);
    expectGain(state, ended, { ...under, parking: false, ...felt }, 0);
    see(state, east, 20, 30, 5_000);
    measureGains(state, MINUTE_MS);
    expect(state.gains).toMatchObject([{ verdict: 'waiting', realised: null }]);
  });

  it('leaves a desktop alone whose last two moves did not help, says so, and carries that over', () => {
    const first = new LoopState(cloud, undefined);
    moveOnce(first, west, east, 105, 0);
    expect(planRequest(first, 2 * MINUTE_MS).desktops[0]).not.toHaveProperty('pinned');
    const state = beginRun(cloud, JSON.parse(JSON.stringify(carryOver(first, MINUTE_MS))), MINUTE_MS);
    expect(state.gains).toEqual(first.gains);
    moveOnce(state, east, west, 105, 10 * MINUTE_MS);
    const words = /its last 2 moves did not help \(response 80 ms shorter was predicted .* 5 ms shorter\)/;
    expect(planRequest(state, 12 * MINUTE_MS).desktops[0]).toMatchObject({ id: 'd1', pinned: true });
    expect(loopStatus(state, DesktopsAsk.parse({})).problems).toEqual([expect.stringMatching(words)]);
    const next = beginRun(cloud, JSON.parse(JSON.stringify(carryOver(state, 0))), 0);
    see(next, west, 20, 105, 12 * MINUTE_MS);
    expect(leftAlone(next, 'd1', west)).toMatch(words);
  });

  it.each<[string, (state: LoopState) => HostRef]>([
    ['its user is at another address', (s) => (see(s, west, 20, 30, 12 * MINUTE_MS, '203.0.113.9'), west)],
    ['it is at another host', (s) => (see(s, east, 20, 30, 12 * MINUTE_MS), east)],
    ['an operator says so', (s) => (retryMoves(s, { desktop }), west)],
  ])('moves such a desktop again when %s', (_, change) => {
    const state = new LoopState(cloud, undefined);
    moveOnce(state, west, east, 105, 0);
    moveOnce(state, east, west, 105, 10 * MINUTE_MS);
    expect(leftAlone(state, 'd1', west)).not.toBeNull();
    expect(leftAlone(state, 'd1', change(state))).toBeNull();
  });
});
