import { freshRtts, greatCircleKm, sitesToMeasure } from '../../../../domain/users/geography.js';

const boston = { latitude: 42.36, longitude: -71.06 };
const site = (id: string, latitude: number, longitude: number) => ({ id, latitude, longitude });
const sites = [
  site('oregon', 45.84, -119.7),
  site('virginia', 39.04, -77.49),
  site('ireland', 53.35, -6.26),
  site('tokyo', 35.68, 139.69),
];

describe('greatCircleKm', () => {
  it.each([
    ['nowhere to nowhere', boston, boston, 0],
    ['a quarter of the equator', { latitude: 0, longitude: 0 }, { latitude: 0, longitude: 90 }, 10_007.5],
    ['pole to pole', { latitude: 90, longitude: 0 }, { latitude: -90, longitude: 50 }, 20_015],
    ['across the date line', { latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 }, 111.2],
  ])('is right for %s', (_, a, b, km) => {
    expect(Math.abs(greatCircleKm(a, b) - km)).toBeLessThan(km / 1000 + 0.1);
  });
});

describe('sitesToMeasure', () => {
  it('takes the k nearest, nearest first, and those that are always wanted', () => {
    expect(sitesToMeasure(boston, sites, 2)).toEqual(['virginia', 'oregon']);
    expect(sitesToMeasure(boston, sites, 1, ['tokyo', 'gone'])).toEqual(['virginia', 'tokyo']);
  });
  it('keeps sites without coordinates: nobody can tell that they are far', () => {
    expect(sitesToMeasure(boston, [...sites, { id: 'dark' }], 1)).toEqual(['virginia', 'dark']);
  });
  it('takes all sites for a user whose place is not known', () => {
    expect(sitesToMeasure(null, sites, 1)).toHaveLength(4);
  });
});

describe('freshRtts', () => {
  it('gives fresh values and says which are stale, missing or no time at all', () => {
    const samples = new Map([
      ['a', { ms: 12, atMs: 95_000 }],
      ['b', { ms: 20, atMs: 10_000 }],
      ['c', { ms: NaN, atMs: 95_000 }],
    ]);
    const { rttMs, doubts } = freshRtts(['a', 'b', 'c', 'd'], samples, 100_000, 60_000);
    expect(rttMs).toEqual({ a: 12 });
    expect(doubts).toEqual([
      'b: last measured 90 s ago, older than 60 s',
      'c: the measured value NaN is no time',
      'd: no round-trip time measured yet',
    ]);
  });
});
