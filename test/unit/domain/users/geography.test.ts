import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGeoDatabase } from '../../../../drivers/solver/geo-database.js';
import { freshRtts, greatCircleKm, sitesToMeasure } from '../../../../domain/users/geography.js';
import { tinyMmdb } from './tiny-mmdb.js';

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

describe('openGeoDatabase', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'geo-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it("places addresses by the operator's file, and nobody that it does not know", async () => {
    const path = join(folder, 'test.mmdb');
    await writeFile(
      path,
      tinyMmdb([
        { network: '198.51.100.0', bits: 24, ...boston },
        { network: '203.0.113.128', bits: 25, latitude: -33.9, longitude: 151.2 },
      ]),
    );
    const geo = await openGeoDatabase(path);
    expect(geo.placeOf('198.51.100.77')).toEqual(boston);
    expect(geo.placeOf('203.0.113.200')).toEqual({ latitude: -33.9, longitude: 151.2 });
    for (const unknown of ['203.0.113.1', '10.0.0.1', 'not an address', ''])
      expect(geo.placeOf(unknown)).toBeNull();
  });
  it('says what is wrong with a file that is none', async () => {
    const path = join(folder, 'broken.mmdb');
    await writeFile(path, 'broken');
    await expect(openGeoDatabase(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(openGeoDatabase(join(folder, 'none.mmdb'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
