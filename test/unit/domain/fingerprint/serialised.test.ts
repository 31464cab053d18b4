import fc from 'fast-check';
import { Fingerprint, FingerprintState, TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { updateFingerprint } from '../../../../domain/fingerprint/rank/rank.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { FILM_MS, policy, rest, windowOf } from './windows.js';

const paper = FingerprintPolicy.parse({ mode: 'paper' });

describe('what passes through Temporal', () => {
  const count = fc.nat(2 ** 40);
  const flow = fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    desktopPort: fc.integer({ min: 1, max: 65_535 }),
    peerAddress: fc.constantFrom('198.51.100.2', '2001:db8::1'),
    peerPort: fc.integer({ min: 1, max: 65_535 }),
    bytesIn: count,
    packetsIn: count,
    bytesOut: count,
    packetsOut: count,
  });
  const samples = [1, 100].map((rttMs) => windowOf({ changeEveryMs: FILM_MS, rttMs }).cycles!);
  const windows = fc.record(
    {
      desktop: fc.constant('d1'),
      startMs: fc.nat(10_000),
      endMs: fc.nat(1_000_000),
      flows: fc.array(flow, { maxLength: 6 }),
      rest: fc.constant(rest),
      remoteDesktop: fc.constant(null),
      user: fc.constantFrom(null, { address: '1.2.3.4', port: 9 }, { address: '::1', port: 9 }),
      rttMs: fc.constantFrom(null, 0, 55),
      cycles: fc.constantFrom(...samples),
    },
    { requiredKeys: ['desktop', 'startMs', 'endMs', 'flows', 'rest', 'remoteDesktop', 'user', 'rttMs'] },
  );

  it('is valid and never NaN for any sequence of windows, in both modes', () => {
    fc.assert(
      fc.property(fc.array(windows, { maxLength: 8 }), fc.constantFrom(policy, paper), (list, p) => {
        let state: FingerprintState | undefined;
        for (const window of list) {
          const updated = updateFingerprint(state, window, p);
          // Exactly what Temporal's JSON does to it.
          state = FingerprintState.parse(JSON.parse(JSON.stringify(updated.state)));
          expect(
            Fingerprint.safeParse(JSON.parse(JSON.stringify(updated.fingerprint))).error,
          ).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stays below 100 kB for the windows, and for the states, of 50 busy desktops', () => {
    const busy = Array.from({ length: 50 }, (_, i) => {
      const window = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 });
      const flows = Array.from({ length: 6 }, (_unused, n) => ({
        ...window.flows[0]!,
        desktopPort: 50_000 + n,
        bytesIn: 123_456_789,
        bytesOut: 987_654_321,
      }));
      return TrafficWindow.parse({ ...window, desktop: `desktop-${i}-of-a-long-name`, flows });
    });
    const states = busy.map((w) => updateFingerprint(undefined, w, policy).state);
    expect(JSON.stringify(busy).length).toBeLessThan(100_000);
    expect(JSON.stringify(states).length).toBeLessThan(100_000);
  });
});
