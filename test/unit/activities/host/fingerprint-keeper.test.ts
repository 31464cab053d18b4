import { FingerprintKeeper } from '../../../../activities/host/fingerprint-keeper.js';
import type { TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';

const policy = FingerprintPolicy.parse({ mode: 'paper', alpha: 0.5 });
const USER = { address: '203.0.113.2', port: 40_000 };

/** Ten seconds of a remote desktop that sends so many kilobytes a second. */
function windowOf(desktop: string, kiloBytesPerSecond: number): TrafficWindow {
  const bytesOut = kiloBytesPerSecond * 10_000;
  return {
    desktop,
    startMs: 0,
    endMs: 10_000,
    flows: [
      {
        protocol: 'tcp',
        desktopPort: 5901,
        peerAddress: USER.address,
        peerPort: USER.port,
        bytesIn: 20_000,
        packetsIn: 200,
        bytesOut,
        packetsOut: 900,
      },
    ],
    rest: { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0, flows: 0 },
    user: USER,
    rttMs: 100,
    remoteDesktop: null,
  };
}
const unknown = () => undefined;
const rankOf = (keeper: FingerprintKeeper, window: TrafficWindow) =>
  keeper.rank([window], new Set([window.desktop]), unknown)[0]!.rank;

describe('FingerprintKeeper', () => {
  it('averages from report to report, and starts anew for a desktop that was away', () => {
    const keeper = new FingerprintKeeper();
    keeper.follow(policy);
    const busy = rankOf(keeper, windowOf('d1', 100));
    const idle = rankOf(new FingerprintKeeper(), windowOf('d1', 0));
    const between = rankOf(keeper, windowOf('d1', 0));
    expect(between).toBeLessThan(busy);
    expect(between).toBeGreaterThan(idle);
    keeper.rank([], new Set(), unknown);
    expect(rankOf(keeper, windowOf('d1', 100))).toBe(busy);
  });

  it('ranks only desktops that this host owns', () => {
    const keeper = new FingerprintKeeper();
    const both = [windowOf('mine', 50), windowOf('gone', 50)];
    expect(keeper.rank(both, new Set(['mine']), unknown).map((f) => f.desktop)).toEqual(['mine']);
  });

  it('follows a changed policy from the next report on', () => {
    const keeper = new FingerprintKeeper();
    keeper.follow({ ...policy, alpha: 1, fullBandwidthKBps: 1_000 });
    const strict = rankOf(keeper, windowOf('d1', 60));
    keeper.follow({ ...policy, alpha: 1, fullBandwidthKBps: 60 });
    expect(rankOf(keeper, windowOf('d1', 60))).toBeGreaterThan(strict);
  });

  it("says when the thin client's own round trip differs from the one seen in the traffic", () => {
    const keeper = new FingerprintKeeper();
    const [f] = keeper.rank([windowOf('d1', 50)], new Set(['d1']), () => 10);
    expect(f!.reasons.join()).toMatch(/100.*10|10.*100/);
  });
});
