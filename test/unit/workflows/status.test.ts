import { CloudConfig } from '../../../domain/model/cloud.js';
import { HostRef } from '../../../domain/model/ids.js';
import type { HostReport } from '../../../temporal/contract/host-report.js';
import { DesktopsAsk } from '../../../temporal/contract/status.js';
import { LoopState } from '../../../workflows/loop/loop-state.js';
import { loopStatus } from '../../../workflows/loop/status.js';
import { desktopReport } from './desktop-report.js';

const address = { address: '192.0.2.1', port: 1 };
const cloud = CloudConfig.parse({
  sites: [{ id: 'west', kind: 'regional', hosts: [{ id: 'h1', peer: address, probe: address }] }],
});
const h1 = HostRef.parse({ site: 'west', host: 'h1' });
const capacity = { slots: 99, vcpus: 99, memoryMiB: 99_999, diskMiB: 99_999 };

function stateWith(problems: readonly (string | null)[], more: Partial<HostReport> = {}): LoopState {
  const state = new LoopState(cloud, undefined);
  const desktops = problems.map((problem, n) =>
    desktopReport(`d${String(n)}`, { state: 'out-of-space', problem }),
  );
  const report = {
    host: h1,
    atMs: 0,
    capacity,
    used: capacity,
    desktops,
    fingerprints: [],
    users: [],
    ...more,
  };
  state.takeIn(h1, state.nextAsk(), { report });
  return state;
}

describe('the status of the loop', () => {
  it('says of a host that has just joined that it lowers what the pool has in common, for an hour', () => {
    const west = {
      id: 'west',
      kind: 'regional',
      hosts: ['h1', 'h2'].map((id) => ({ id, peer: address, probe: address })),
    };
    const state = new LoopState(CloudConfig.parse({ sites: [west] }), undefined);
    const join = (id: string, models: Record<string, number>, startedAtMs: number) => {
      const host = HostRef.parse({ site: 'west', host: id });
      const rest = { atMs: 0, capacity, used: capacity, desktops: [], fingerprints: [], users: [] };
      const cpu = { model: id, flags: [], models };
      state.takeIn(host, state.nextAsk(), { report: { ...rest, host, startedAtMs, cpu } });
    };
    const said = () => loopStatus(state, DesktopsAsk.parse({})).problems.filter((p) => p.includes('lowers'));
    join('h1', { Haswell: 90, Westmere: 50 }, Date.now() - 7_200_000);
    join('h2', { Westmere: 50 }, Date.now());
    expect(said()).toEqual([
      expect.stringMatching(/^west\/h2: its CPU \(h2\) lowers .* from Haswell to Westmere/),
    ]);
    join('h2', { Westmere: 50 }, Date.now() - 7_200_000);
    expect(said()).toEqual([]);
  });

  it('says what is wrong with a desktop, beside it and among the problems', () => {
    const status = loopStatus(stateWith(['no space left at /srv', null]), DesktopsAsk.parse({}));
    expect(status.desktops.map((d) => d.problem)).toEqual(['no space left at /srv', null]);
    expect(status.problems).toEqual(['d0 at west/h1: no space left at /srv']);
  });

  it('passes on what a host says of itself, and warns a month before its certificate ends', () => {
    const said = (more: Partial<HostReport>) => {
      const { problems, hosts } = loopStatus(stateWith([], more), DesktopsAsk.parse({}));
      return { problems, days: hosts[0]?.certificateDaysLeft };
    };
    expect(said({ certificateDaysLeft: 30 })).toEqual({ problems: [], days: 30 });
    expect(said({})).toEqual({ problems: [], days: null });
    expect(said({ certificateDaysLeft: 29, notes: ['somebody flushed the rules'] })).toEqual({
      problems: [
        expect.stringMatching(
          /^west\/h1: its certificate ends in 29 days: run `vmshadow keys renew west\/h1`/,
        ),
        'west/h1: somebody flushed the rules',
      ],
      days: 29,
    });
  });

  it('names twenty of the desktops of a host that has lost its power, and counts the others', () => {
    const { problems } = loopStatus(
      stateWith(Array.from({ length: 25 }, () => 'down')),
      DesktopsAsk.parse({}),
    );
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe('and 5 more desktops with a problem');
  });
});
