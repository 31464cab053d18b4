// What a host answers is read before the loop goes by it: a dom0 of another release, or a worker that is none of ours, stops no loop.
import fc from 'fast-check';
import { HostRef } from '../../../domain/model/ids.js';
import { readHostReport } from '../../../temporal/contract/host-report.js';

const host = HostRef.parse({ site: 'us-west', host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 8192, diskMiB: 65_536 };
const definition = {
  id: 'd1',
  memoryMiB: 64,
  diskMiB: 64,
  network: { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:0a:4d:00:02' },
};
const desktop = {
  definition,
  state: 'running',
  epoch: 1,
  external: '203.0.113.7',
  diskUsedBytes: 5,
  dirty: { memoryMbps: 3, diskMbps: null },
};
const user = {
  desktop: 'd1',
  client: 'key',
  seenAs: { address: '198.51.100.1', port: 4 },
  rtts: [{ site: 'us-west', rttMs: 12, ageMs: 100 }],
};
const rank = {
  desktop: 'd1',
  atMs: 1,
  rank: 0.5,
  rankPaper: 0.5,
  rankedBy: 'paper',
  paper: {
    ports: 0,
    traffic: 0,
    bandwidth: 0,
    activePorts: 0,
    sensitivePorts: 0,
    remoteDesktopKBps: 0,
    totalKBps: 0,
  },
  gain: null,
  remoteDesktop: null,
  user: null,
  rttMs: null,
  session: null,
  prediction: null,
  reasons: [],
};
const whole = {
  host,
  atMs: 1,
  capacity,
  used: capacity,
  desktops: [desktop],
  fingerprints: [rank],
  users: [user],
};

describe('a host report', () => {
  it('is read as it was sent', () => {
    const { report, doubts } = readHostReport(JSON.parse(JSON.stringify(whole)), host);
    expect(report).toMatchObject(whole);
    expect(doubts).toEqual([]);
  });

  it('of a release before is read by its names, without rates and ranks', () => {
    const { memoryMiB, diskMiB, ...rest } = capacity;
    const old = { ...rest, memoryMb: memoryMiB, diskMb: diskMiB };
    const before = { ...desktop, dirty: undefined };
    const unranked = { ...whole, capacity: old, desktops: [before], fingerprints: undefined };
    const { report, doubts } = readHostReport(JSON.parse(JSON.stringify(unranked)), host);
    expect(report.capacity).toEqual(capacity);
    expect(report.desktops[0]!.dirty).toEqual({ memoryMbps: null, diskMbps: null });
    expect(report.fingerprints).toEqual([]);
    expect(doubts).toEqual([expect.stringMatching(/names no ranks/)]);
  });

  it('with ranks or users that cannot be read is read without them, and says how many', () => {
    const { report, doubts } = readHostReport(
      { ...whole, fingerprints: [{ ...rank, rank: NaN }, rank, 5], users: [user, { desktop: '../x' }] },
      host,
    );
    expect(report.fingerprints).toHaveLength(1);
    expect(report.users).toHaveLength(1);
    expect(doubts).toEqual([expect.stringMatching(/^2 of its ranks/), '1 of its users cannot be read']);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /us-west\/h1/],
    ['no desktops', { ...whole, desktops: undefined }, /desktops/],
    [
      'a desktop whose id is a path',
      { ...whole, desktops: [{ ...desktop, definition: { ...definition, id: '../../etc' } }] },
      /desktops\.0\.definition\.id/,
    ],
    ['a negative epoch', { ...whole, desktops: [{ ...desktop, epoch: -1 }] }, /epoch/],
    ['room without an end', { ...whole, capacity: { ...capacity, slots: Infinity } }, /capacity\.slots/],
    [
      'the name of another host',
      { ...whole, host: { site: 'us-west', host: 'h2' } },
      /answers as us-west\/h2/,
    ],
  ])('with %s is refused, naming the host', (_, answer, message) => {
    expect(() => readHostReport(answer, host)).toThrow(message);
    expect(() => readHostReport(answer, host)).toThrow(/us-west\/h1/);
  });

  it('of any kind is read or refused by one error', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...Object.keys(whole)), (junk, field) => {
        try {
          readHostReport({ ...whole, [field]: junk }, host);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INPUT_INVALID' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
