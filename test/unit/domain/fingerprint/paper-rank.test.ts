import type { FlowCounters, TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { updateFingerprint } from '../../../../domain/fingerprint/rank/rank.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import type { SessionSpec } from './synthetic-session.js';
import { FILM_MS, rest, windowOf, workloads } from './windows.js';

const paper = FingerprintPolicy.parse({ mode: 'paper' });

describe('updateFingerprint, the paper’s rank', () => {
  const video: FlowCounters = {
    protocol: 'tcp',
    desktopPort: 50_000,
    peerAddress: '192.0.2.80',
    peerPort: 1935,
    bytesIn: 1_908_000,
    packetsIn: 1500,
    bytesOut: 55_500,
    packetsOut: 700,
  };
  const rank = (spec: SessionSpec, others: FlowCounters[] = [], p = paper) =>
    updateFingerprint(undefined, windowOf(spec, 0, others), p).fingerprint;

  it('ranks streaming and local video above pages, typing and a clock', () => {
    const film = { changeEveryMs: FILM_MS, rttMs: 20 };
    const high = [rank(film, [video]).rank, rank(film).rank];
    const low = ['pages', 'typing', 'clock'].map((w) => rank({ ...workloads[w]!, rttMs: 20 }).rank);
    expect(Math.min(...high)).toBeGreaterThan(0.6);
    expect(high[0]).toBeGreaterThan(high[1]!);
    expect(Math.max(...low)).toBeLessThan(0.3);
  });

  it('counts ports and traffic that are location-sensitive beside the remote desktop', () => {
    const other = { ...video, peerPort: 8081, peerAddress: '192.0.2.81', desktopPort: 50_001 };
    const { paper: m } = rank({ changeEveryMs: FILM_MS, rttMs: 20 }, [video, other]);
    expect(m).toMatchObject({ activePorts: 2, sensitivePorts: 1, ports: 0.5, bandwidth: 1 });
    expect(m.traffic).toBeGreaterThan(0.2);
    expect(m.traffic).toBeLessThan(0.5);
  });

  it('counts servers of the operator’s list whatever their port', () => {
    const web = { ...video, peerPort: 443 };
    const listed = FingerprintPolicy.parse({ mode: 'paper', sensitiveServers: ['192.0.2.0/24'] });
    const spec = { changeEveryMs: 1000, rttMs: 20 };
    expect(rank(spec, [web]).paper.sensitivePorts).toBe(0);
    expect(rank(spec, [web], listed).paper).toMatchObject({ sensitivePorts: 1, ports: 1 });
  });

  it('counts a server that the list names by the addresses that its host resolved, whatever its port', () => {
    const web = { ...video, peerPort: 443 };
    const listed = FingerprintPolicy.parse({ mode: 'paper', sensitiveServers: ['cdn.example.com'] });
    const window = windowOf({ changeEveryMs: 1000, rttMs: 20 }, 0, [web]);
    const resolved = (name: string, address: string) =>
      updateFingerprint(undefined, { ...window, resolvedServers: [{ name, address }] }, listed).fingerprint;
    const named = resolved('cdn.example.com', web.peerAddress);
    expect(named.paper).toMatchObject({ sensitivePorts: 1, ports: 1 });
    expect(named.paper.traffic).toBeGreaterThan(0.9);
    expect(named.reasons).toContain('location-sensitive by name: cdn.example.com (192.0.2.80)');
    for (const other of [
      resolved('cdn.example.com', '192.0.2.99'),
      resolved('no-longer-listed.example.com', web.peerAddress),
      updateFingerprint(undefined, window, listed).fingerprint,
    ])
      expect(other.paper).toMatchObject({ sensitivePorts: 0, traffic: 0 });
  });

  it('ranks as before, and says so, where a name of the list does not resolve', () => {
    const p = FingerprintPolicy.parse({ sensitiveServers: ['gone.example.com'] });
    const window = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const before = updateFingerprint(undefined, window, p).fingerprint;
    const { fingerprint } = updateFingerprint(
      undefined,
      { ...window, unresolvedServers: ['gone.example.com'] },
      p,
    );
    const said = fingerprint.reasons.filter((r) => r.includes('gone.example.com'));
    expect(said).toEqual([expect.stringContaining('no address is known')]);
    expect({ ...fingerprint, reasons: [] }).toEqual({ ...before, reasons: [] });
  });

  it('stays at 0 for a window without time or traffic', () => {
    const empty: TrafficWindow = {
      desktop: 'd1',
      startMs: 5,
      endMs: 5,
      flows: [],
      rest,
      remoteDesktop: null,
      user: null,
      rttMs: null,
    };
    expect(updateFingerprint(undefined, empty, paper).fingerprint.rank).toBe(0);
  });
});
