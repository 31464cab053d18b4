// How the half-the-bytes comparison is judged.
import { halfIsMet, verdict, worstOf } from '../../../../bench/placement/half-table.js';
import type { HalfConfig, HalfRun } from '../../../../bench/placement/half-the-bytes.js';

const config: HalfConfig = {
  rtts: 'synthetic',
  slack: 0.05,
  population: 'mixed',
  greedySees: 8,
  exactSees: 8,
  objective: 'ms',
};
const run = (seed: number, share: number, bound: number): HalfRun => ({
  seed,
  share,
  bound,
  greedyShare: 0.6,
  greedyMoves: 0.4,
  greedyGB: 100,
  bytesForItsGain: 0.5,
});

describe('the verdict on half the bytes', () => {
  it('is met only where every cloud has 99.5 % of the possible, whatever the mean', () => {
    const runs = [run(1, 1.2, 1.2), run(2, 0.999, 1.01), run(3, 0.94, 0.941)];
    expect(halfIsMet({ config, runs })).toBe(false);
    expect(halfIsMet({ config, runs: [runs[0]!, runs[2]!] })).toBe(true);
    expect(worstOf({ config, runs }).seed).toBe(2);
  });

  it('tells a miss that the bound rules out from one that is open', () => {
    expect(verdict({ runs: [run(1, 1.2, 1.3), run(2, 0.99, 0.995)] })).toBe('met on 1 of 2');
    expect(verdict({ runs: [run(1, 1.2, 1.3), run(2, 0.99, 1.01)] })).toBe('met on 1 of 2, 1 open');
  });
});
