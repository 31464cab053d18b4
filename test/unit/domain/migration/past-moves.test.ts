import { gainOfMove } from '../../../../domain/migration/past-moves.js';
import type { MoveGain } from '../../../../domain/migration/realised-gain.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';

const [west, east] = ['us-west', 'us-east'].map((site) => HostRef.parse({ site, host: 'h1' })) as [
  HostRef,
  HostRef,
];
const felt = { rttMs: 1, responseMs: null };
const gain = (endedAtMs: number, from = west, to = east): MoveGain => ({
  desktop: DesktopId.parse('video'),
  from,
  to,
  endedAtMs,
  before: felt,
  predicted: felt,
  realised: null,
  verdict: 'waiting',
});

describe('gainOfMove', () => {
  it('is of the same way and the nearest end', () => {
    const gains = [gain(99_000), gain(100_100), gain(100_000, east, west)];
    expect(gainOfMove({ from: west, to: east, endedAtMs: 100_000 }, gains)?.endedAtMs).toBe(100_100);
    expect(gainOfMove({ from: east, to: west, endedAtMs: 99_000 }, gains)).toBe(gains[2]);
  });

  it('is nothing where none is kept of that time', () => {
    expect(gainOfMove({ from: west, to: east, endedAtMs: 900_000 }, [gain(100_000)])).toBeNull();
    expect(gainOfMove({ from: west, to: west, endedAtMs: 100_000 }, [gain(100_000)])).toBeNull();
  });
});
