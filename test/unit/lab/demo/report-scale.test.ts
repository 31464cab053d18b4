import { responseScale, timeScale, topOfSight } from '../../../../lab/demo/report-scale.js';
import { medians, thin } from '../../../../lab/demo/report-thin.js';
import { pullSamples, START_MS } from './fixture.js';

describe('the response axis', () => {
  it('counts in round steps from 0 and covers the highest value', () => {
    const scale = responseScale(340, 40, 240);
    expect(scale.ticks(4)).toEqual([0, 100, 200, 300, 400]);
    expect(scale(0)).toBe(240);
    expect(scale(400)).toBe(40);
    // What lies above stays at the top.
    expect(scale(2500)).toBe(40);
  });

  it('keeps the 20 frames/s line in sight when everything is fast', () => {
    expect(topOfSight([{ atMs: 0, responseMs: 8 }])).toBeGreaterThan(50);
    expect(topOfSight([])).toBeGreaterThan(50);
  });

  it('is not flattened by one long pause', () => {
    const samples = pullSamples(120, (s) => (s >= 60 && s < 60.1 ? 2500 : 100));
    expect(Math.max(...samples.map((s) => s.responseMs))).toBe(2500);
    expect(topOfSight(samples)).toBeLessThan(200);
  });
});

describe('the time axis', () => {
  it('spreads the seconds over its length, and has one for no time at all', () => {
    expect(timeScale(200, 0, 100)(50)).toBe(25);
    expect(timeScale(200, 0, 100)(300)).toBe(100);
    expect(timeScale(0, 0, 100)(0)).toBe(0);
  });
});

describe('thinning', () => {
  const samples = pullSamples(60, (s) => (s > 30 && s < 30.1 ? 900 : 20 + (s % 3)));

  it('keeps the extremes of every column and at most four samples', () => {
    const kept = thin(samples, START_MS, START_MS + 60_000, 100);
    expect(kept.length).toBeLessThanOrEqual(400);
    expect(kept.length).toBeLessThan(samples.length);
    const values = samples.map((s) => s.responseMs);
    expect(kept.map((s) => s.responseMs)).toEqual(
      expect.arrayContaining([Math.max(...values), Math.min(...values)]),
    );
  });

  it('gives one median a span, and none for a span without samples', () => {
    const gap = samples.filter((s) => s.atMs < START_MS + 10_000 || s.atMs >= START_MS + 20_000);
    expect(
      medians(gap, START_MS, 1000).some((m) => m.atMs > START_MS + 10_000 && m.atMs < START_MS + 19_000),
    ).toBe(false);
    expect(medians([{ atMs: START_MS + 100, responseMs: 5 }], START_MS, 1000)).toEqual([
      { atMs: START_MS + 500, responseMs: 5 },
    ]);
  });
});
