import type { DesktopRow } from '../../../web/api.js';
import { chartOf } from '../../../web/view/chart.js';
import { listPage, ROWS_A_PAGE } from '../../../web/view/desktop-list.js';
import type { GeoPermissibleObjects } from 'd3-geo';
import { landIn, mapOf, type MapInput } from '../../../web/view/map.js';
import { gainWords, stepsOf, workflowLink } from '../../../web/view/moves.js';
import { bytes, duration, ms, rttClass } from '../../../web/view/words.js';
import { HostRef, DesktopId } from '../../../domain/model/ids.js';

const row = (desktop: string, more: Partial<DesktopRow> = {}): DesktopRow => ({
  desktop,
  site: 'west',
  host: 'west/h1',
  state: 'running',
  rank: 0.5,
  rttMs: 40,
  responseMs: null,
  user: null,
  place: { latitude: 40, longitude: -100, from: 'round-trips' },
  moving: false,
  problem: null,
  ...more,
});

describe('the list of desktops', () => {
  const ask = { words: '', by: 'rank', falling: true, page: 0 } as const;
  const names = (rows: readonly DesktopRow[]) => rows.map((r) => r.desktop);

  it.each([
    ['rank', true, ['c', 'a', 'd', 'b']],
    ['rank', false, ['a', 'd', 'c', 'b']],
    ['desktop', true, ['d', 'c', 'b', 'a']],
    ['rttMs', false, ['d', 'a', 'b', 'c']],
  ] as const)('is ordered by %s, falling: %s, what is not known last', (by, falling, expected) => {
    const rows = [
      row('a', { rank: 0.1 }),
      row('b', { rank: null }),
      row('c', { rank: 0.9 }),
      row('d', { rank: 0.1, rttMs: 3 }),
    ];
    expect(names(listPage(rows, { ...ask, by, falling }).rows)).toEqual(expected);
  });

  it('keeps those that all words fit, whatever their case', () => {
    const rows = [row('film', { moving: true }), row('text', { user: '203.0.113.9:1' }), row('filmed')];
    const chosen = (words: string) => names(listPage(rows, { ...ask, words }).rows);
    expect(chosen('FILM west')).toEqual(['film', 'filmed']);
    expect(chosen('film moving')).toEqual(['film']);
    expect(chosen('203.0.113.9')).toEqual(['text']);
    expect(chosen('.*')).toEqual([]);
  });

  it('shows one page of thousands, and the last where there is none so far', () => {
    const rows = Array.from({ length: 2_000 }, (_, i) => row(`d${String(i).padStart(4, '0')}`));
    const page = listPage(rows, { ...ask, page: 99 });
    expect([page.page, page.pages, page.total, page.rows.length]).toEqual([39, 40, 2_000, ROWS_A_PAGE]);
    expect(listPage([], ask)).toEqual({ rows: [], total: 0, page: 0, pages: 1 });
  });
});

describe('the map', () => {
  const input: MapInput = {
    sites: [
      { site: 'west', slots: 4, usedSlots: 2 },
      { site: 'east', slots: 4, usedSlots: 0 },
    ],
    places: { west: { latitude: 45, longitude: -120 }, east: { latitude: 33, longitude: -80 } },
    desktops: [],
    moves: [],
    width: 960,
    height: 460,
  };

  it('puts west left of east and north above south, within its edges', () => {
    const [west, east] = mapOf(input).sites;
    expect(west?.x).toBeLessThan(east?.x ?? 0);
    expect(west?.y).toBeLessThan(east?.y ?? 0);
    for (const { x, y } of mapOf(input).sites) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(960);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(460);
    }
  });

  it('draws land where its sites are', () => {
    const { view, sites } = mapOf(input);
    const [west] = sites;
    const { longitude, latitude } = input.places['west']!;
    const here: GeoPermissibleObjects = {
      type: 'Polygon',
      coordinates: [
        [
          [longitude - 1, latitude - 1],
          [longitude - 1, latitude + 1],
          [longitude + 1, latitude + 1],
          [longitude + 1, latitude - 1],
          [longitude - 1, latitude - 1],
        ],
      ],
    };
    const points = landIn(view!, here, input)
      .match(/-?[\d.]+,-?[\d.]+/g)!
      .map((point) => point.split(',').map(Number));
    const mean = (axis: 0 | 1) => points.reduce((sum, p) => sum + p[axis]!, 0) / points.length;
    expect(Math.hypot(mean(0) - west!.x, mean(1) - west!.y)).toBeLessThan(10);
  });

  it('draws users near each other as one line with their median round trip, and says who cannot be drawn', () => {
    const desktops = [
      row('a', { rttMs: 10 }),
      row('b', { rttMs: 120 }),
      row('c', { rttMs: 130 }),
      row('far', { place: { latitude: 30, longitude: -85, from: 'address' }, rttMs: null }),
      row('nowhere', { place: null }),
      row('lost', { site: 'gone' }),
    ];
    const { lines, unplaced } = mapOf({ ...input, desktops });
    expect(lines.map(({ desktops: d, rttMs, kind, guessed }) => ({ d, rttMs, kind, guessed }))).toEqual([
      { d: ['a', 'b', 'c'], rttMs: 120, kind: 'remote', guessed: true },
      { d: ['far'], rttMs: null, kind: 'unknown', guessed: false },
    ]);
    expect(unplaced).toBe(2);
  });

  it('puts sites without places in a ring, their users beside them', () => {
    const { sites, lines, view } = mapOf({ ...input, places: {}, desktops: [row('a', { place: null })] });
    expect(view).toBeNull();
    expect(new Set(sites.map(({ x, y }) => `${String(x)} ${String(y)}`)).size).toBe(2);
    expect(lines[0]?.desktops).toEqual(['a']);
  });

  it('draws moves from where the desktop is to where it goes', () => {
    const { moves, sites } = mapOf({
      ...input,
      desktops: [row('a')],
      moves: [
        { desktop: 'a', to: { site: 'east' } },
        { desktop: 'unheard', to: { site: 'east' } },
      ],
    });
    const [west, east] = sites;
    expect(moves).toEqual([{ desktop: 'a', from: [west?.x, west?.y], to: [east?.x, east?.y] }]);
  });

  it.each([1, 2])('lays out a cloud of one place, however often (%s)', (n) => {
    const places = Object.fromEntries(
      ['west', 'east'].slice(0, n).map((s) => [s, { latitude: 90, longitude: 180 }]),
    );
    const sites = input.sites.slice(0, n);
    for (const { x, y } of mapOf({ ...input, sites, places }).sites)
      expect([Number.isFinite(x), Number.isFinite(y)]).toEqual([true, true]);
  });
});

describe('a chart', () => {
  it('leaves gaps where nothing was known, and begins at zero', () => {
    const trend = { timesMs: [0, 10, 20, 30], values: { rtt: [10, null, 30, 40] } };
    const { lines, spanMs, ticks, marks } = chartOf({
      trend,
      names: ['rtt', 'none'],
      width: 420,
      height: 130,
      marks: [
        { atMs: 20, name: 'moved' },
        { atMs: 99, name: 'later' },
      ],
    });
    expect(lines[0]?.path.match(/M/g)).toHaveLength(2);
    expect(lines[1]).toEqual({ name: 'none', path: '', last: null, end: null });
    expect(spanMs).toBe(30);
    expect(ticks[0]?.value).toBe(0);
    expect(marks.map((m) => m.name)).toEqual(['moved']);
  });
});

describe('a move', () => {
  it('has its phases done, now and later', () => {
    const phases = [
      { phase: 'preflight' as const, startedAtMs: 0, endedAtMs: 900 },
      { phase: 'async-disk' as const, startedAtMs: 900, endedAtMs: null },
    ];
    const steps = stepsOf({ phases, phase: 'async-disk', outcome: 'running' }, 62_900);
    expect(steps.map(({ state, took }) => `${state} ${took}`)).toEqual([
      'done 900 ms',
      'now 1 min 2 s',
      ...Array.from({ length: 4 }, () => 'later '),
    ]);
  });

  it('gains a response where that is known throughout, else a round trip', () => {
    const [from, to] = ['west', 'east'].map((site) => HostRef.parse({ site, host: 'h1' })) as [
      HostRef,
      HostRef,
    ];
    const gain = {
      desktop: DesktopId.parse('film'),
      from,
      to,
      endedAtMs: 0,
      before: { rttMs: 100, responseMs: 130 },
      predicted: { rttMs: 20, responseMs: 50 },
      realised: null,
      verdict: 'waiting' as const,
    };
    expect(gainWords(gain)).toMatchObject({ what: 'response', before: '130 ms', realised: '–' });
    expect(gainWords({ ...gain, before: { rttMs: 100, responseMs: null } })).toMatchObject({
      what: 'round trip',
      before: '100 ms',
      predicted: '20 ms',
    });
  });

  it('is linked to in a UI of the web alone', () => {
    const ui = { url: 'https://t.example', namespace: 'a b' };
    expect(workflowLink(ui, 'migrate/x', 'r1')).toBe(
      'https://t.example/namespaces/a%20b/workflows/migrate%2Fx/r1/history',
    );
    expect(workflowLink({ ...ui, url: 'javascript:alert(1)' }, 'x')).toBeNull();
    expect(workflowLink(null, 'x')).toBeNull();
  });
});

describe('words', () => {
  it('are short, and say when nothing is known', () => {
    expect([ms(null), ms(4.25), ms(41.7), bytes(999), bytes(1.354e9), bytes(76.8e6)]).toEqual([
      '–',
      '4.3 ms',
      '42 ms',
      '999 B',
      '1.35 GB',
      '77 MB',
    ]);
    expect([59_400, 3_599_000, 7_260_000, 90_000_000].map(duration)).toEqual([
      '59 s',
      '59 min 59 s',
      '2 h 1 min',
      '1 d 1 h',
    ]);
    expect([null, 0, 29.9, 30, 60, 100, 900].map(rttClass)).toEqual([
      'unknown',
      'near',
      'near',
      'fair',
      'far',
      'remote',
      'remote',
    ]);
  });
});
