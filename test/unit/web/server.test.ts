import { isOurs, isToken, tokenIn } from '../../../web/server/guard.js';
import { figuresOf, responseAt } from '../../../web/server/figures.js';
import { routeOf } from '../../../web/server/routes.js';
import { TrendKeeper } from '../../../web/server/trend.js';
import { placeFromRoundTrips } from '../../../web/server/user-place.js';

describe('who may ask', () => {
  it.each([
    ['127.0.0.1:8235', true],
    ['localhost:8235', true],
    ['LOCALHOST', true],
    ['[::1]:8235', true],
    ['192.0.2.7', true],
    ['vmshadow.example.org:8235', true],
    [undefined, false],
    ['', false],
    ['evil.example', false],
    ['localhost.evil.example', false],
    ['evil.example@localhost', false],
    ['127.0.0.1.evil.example:8235', false],
    ['vmshadow.example.org.', false],
    ['localhost:8235:1', false],
    ['a b', false],
  ])('by the name %s: %s', (host, ours) => {
    expect(isOurs(host, ['vmshadow.example.org'])).toBe(ours);
  });

  it('has the token, as a program or as the page sends it, and no other', () => {
    expect(tokenIn({ authorization: 'Bearer abc', cookie: 'vmshadow-web=def' })).toBe('abc');
    expect(tokenIn({ cookie: 'x=1; vmshadow-web=def; y=2' })).toBe('def');
    expect(tokenIn({ authorization: 'Basic abc' })).toBeUndefined();
    expect([
      isToken('abc', 'abc'),
      isToken('abd', 'abc'),
      isToken('', 'abc'),
      isToken(undefined, 'abc'),
    ]).toEqual([true, false, false, false]);
  });
});

describe('what is asked', () => {
  it.each([
    ['/', { what: 'file', name: 'index.html' }],
    ['/page.js', { what: 'file', name: 'page.js' }],
    ['/?token=abc-_1', { what: 'token', token: 'abc-_1' }],
    ['/api/desktops', { what: 'desktops' }],
    ['/api/desktops/film', { what: 'desktop', desktop: 'film', limit: 20 }],
    ['/api/desktops/film?limit=3', { what: 'desktop', desktop: 'film', limit: 3 }],
    ['/api/desktops/Film', null],
    ['/api/desktops/film?limit=1e3', null],
    ['/api/desktops/film?limit=0', null],
    ['/api/desktops/%2e%2e', null],
    ['/../package.json', null],
    ['/__proto__', null],
    ['/?token=', null],
    ['/?token=a%20b', null],
    ['http://evil.example/', null],
    [`/${'x'.repeat(3_000)}`, null],
  ])('%s', (target, asked) => {
    expect(routeOf(target)).toEqual(asked);
  });
});

describe('how figures went', () => {
  it('is kept in bounded room, over all of the time', () => {
    const keeper = new TrendKeeper(100);
    for (let s = 0; s < 10_000; s++) keeper.add(s * 1000, [['x', s]]);
    const { timesMs, values } = keeper.of({ shown: 'x' });
    expect(timesMs.length).toBeLessThanOrEqual(100);
    expect(timesMs.length).toBeGreaterThanOrEqual(50);
    expect(timesMs[0]).toBeLessThan(400_000);
    expect(timesMs.at(-1)).toBeGreaterThan(9_700_000);
    expect(values['shown']).toEqual(timesMs.map((ms) => ms / 1000));
  });

  it('has gaps where a desktop was not there, and forgets one that has gone for good', () => {
    const keeper = new TrendKeeper(4);
    keeper.add(0, [['gone', 1]]);
    keeper.add(1, [['late', 2]]);
    expect(keeper.of({ gone: 'gone', late: 'late', never: 'never' }).values).toEqual({
      gone: [1, null],
      late: [null, 2],
      never: [null, null],
    });
    for (let ms = 10; ms < 1e6; ms *= 2) keeper.add(ms, [['late', 3]]);
    expect(keeper.of({ gone: 'gone' }).values['gone']?.every((v) => v === null)).toBe(true);
  });
});

it('keeps figures to a thousandth', () => {
  const keeper = new TrendKeeper(4);
  keeper.add(0, [['x', 41.7]]);
  keeper.add(1, [['x', 0.123]]);
  keeper.add(2, [['x', 123_456]]);
  expect(keeper.of({ x: 'x' }).values['x']).toEqual([41.7, 0.123, 123_456]);
});

describe('where a user is drawn', () => {
  const places = {
    west: { latitude: 45, longitude: -120 },
    east: { latitude: 33, longitude: -80 },
    fiji: { latitude: -18, longitude: 178 },
    samoa: { latitude: -14, longitude: -172 },
  };

  it('is near the site of the shortest round trip, and between equal ones', () => {
    expect(placeFromRoundTrips({ west: 5, east: 80 }, places)?.longitude).toBeLessThan(-119);
    const between = placeFromRoundTrips({ west: 40, east: 40 }, places);
    expect(between?.longitude).toBeGreaterThan(-110);
    expect(between?.longitude).toBeLessThan(-90);
  });

  it('crosses the date line by the short way', () => {
    const { longitude = 0 } = placeFromRoundTrips({ fiji: 20, samoa: 20 }, places) ?? {};
    expect(Math.abs(longitude)).toBeGreaterThan(170);
  });

  it('is not known without a site that has a place', () => {
    expect(placeFromRoundTrips({ elsewhere: 3, constructor: 1 }, places)).toBeNull();
    expect(placeFromRoundTrips({}, places)).toBeNull();
  });
});

describe('figures', () => {
  const predicted = [
    { rttMs: 10, framesPerSecond: 20, responseMs: 40 },
    { rttMs: 20, framesPerSecond: 15, responseMs: 50 },
    { rttMs: 40, framesPerSecond: 10, responseMs: 90 },
  ];

  it.each([
    [10, 40],
    [15, 45],
    [30, 70],
    [50, 110],
    [5, 35],
  ])('the response at a round trip of %s ms is %s ms', (rttMs, responseMs) => {
    expect(responseAt({ rttMs, predicted })).toBe(responseMs);
  });

  it('have no response where the round trip or the session is not known', () => {
    expect(responseAt({ rttMs: null, predicted })).toBeNull();
    expect(responseAt({ rttMs: 10, predicted: [] })).toBeNull();
    expect(
      responseAt({ rttMs: 10, predicted: predicted.map((p) => ({ ...p, responseMs: null })) }),
    ).toBeNull();
  });

  it('of a pool leave out what is not known', () => {
    const rows = [0.9, 0.1, null].map((rank, i) => ({
      desktop: `d${String(i)}`,
      site: 'west',
      host: 'west/h1',
      state: 'running',
      rank,
      rttMs: rank === null ? null : 100 * rank,
      responseMs: null,
      user: null,
      place: null,
      moving: false,
      problem: null,
    }));
    expect(Object.fromEntries(figuresOf({ sites: [], desktopCount: 3, moves: [] }, rows, 0.6))).toEqual({
      desktops: 3,
      moves: 0,
      rank: 0.5,
      candidates: 1,
      rtt: 90,
    });
  });
});
