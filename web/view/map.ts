// The map: sites and users, and a line from users to the site that their desktops are at. Users near each other are drawn as one. Pure.
import { geoNaturalEarth1, geoPath, type GeoPermissibleObjects, type GeoProjection } from 'd3-geo';
import { median } from '../../domain/fingerprint/statistics.js';
import type { Place } from '../../domain/users/geography.js';
import type { DesktopRow } from '../api.js';
import { rttClass } from './words.js';

interface MapSite {
  readonly site: string;
  readonly x: number;
  readonly y: number;
  readonly usedSlots: number;
  readonly slots: number;
  readonly draining: boolean;
}

/** Users at about one place whose desktops are at one site. */
interface MapLine {
  readonly key: string;
  readonly site: string;
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly desktops: readonly string[];
  /** The median, ms. */
  readonly rttMs: number | null;
  readonly kind: ReturnType<typeof rttClass>;
  /** No database says where these users are. */
  readonly guessed: boolean;
}

interface MapMove {
  readonly desktop: string;
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** How places become points. */
interface MapView {
  readonly rotate: readonly [number, number, number];
  readonly scale: number;
  readonly translate: readonly [number, number];
}

export interface MapModel {
  /** Null where sites have no places and are drawn in a ring. */
  readonly view: MapView | null;
  readonly sites: readonly MapSite[];
  readonly lines: readonly MapLine[];
  readonly moves: readonly MapMove[];
  /** Desktops whose users cannot be drawn. */
  readonly unplaced: number;
}

export interface MapInput {
  readonly sites: readonly {
    readonly site: string;
    readonly slots: number;
    readonly usedSlots: number;
    readonly draining?: boolean;
  }[];
  readonly places: Readonly<Record<string, Place>>;
  readonly desktops: readonly DesktopRow[];
  readonly moves: readonly { readonly desktop: string; readonly to: { readonly site: string } }[];
  readonly width: number;
  readonly height: number;
}

/** Room around what is drawn. */
const MARGIN = 40;
/** Degrees: sites of one town do not fill the map with it. */
const LEAST_SPAN = 24;
/** Users in one square of so many pixels are one. */
const CELL = 14;

/** Lay out the map. */
export function mapOf(input: MapInput): MapModel {
  const { sites, places, desktops, moves, width, height } = input;
  const isPlaced = sites.length > 0 && sites.every(({ site }) => Object.hasOwn(places, site));
  const projection = isPlaced ? projectionFor(input) : null;
  const at = new Map(
    sites.map(({ site }, i): [string, [number, number]] => {
      const place = places[site];
      const [x, y] =
        projection !== null && place !== undefined
          ? (projection([place.longitude, place.latitude]) ?? [0, 0])
          : inRing(i, sites.length, width, height);
      return [site, [round(x), round(y)]];
    }),
  );
  const cells = new Map<string, Drawn[]>();
  let unplaced = 0;
  for (const row of desktops) {
    const point = pointOf(row, projection, at.get(row.site));
    if (point === null) {
      unplaced++;
      continue;
    }
    const key = `${row.site} ${String(Math.round(point[0] / CELL))} ${String(Math.round(point[1] / CELL))}`;
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [{ row, point }]);
    else cell.push({ row, point });
  }
  const where = new Map(desktops.map((d) => [d.desktop, d.site]));
  return {
    view:
      projection === null
        ? null
        : { rotate: projection.rotate(), scale: projection.scale(), translate: projection.translate() },
    sites: sites.map(({ site, slots, usedSlots, draining = false }) => {
      const [x, y] = at.get(site) ?? [0, 0];
      return { site, x, y, slots, usedSlots, draining };
    }),
    lines: [...cells].map(([key, drawn]) => lineOf(key, drawn, at)),
    moves: moves.flatMap(({ desktop, to }) => {
      const [a, b] = [at.get(where.get(desktop) ?? ''), at.get(to.site)];
      return a === undefined || b === undefined || a === b ? [] : [{ desktop, from: a, to: b }];
    }),
    unplaced,
  };
}

/** Outlines of land as an SVG path. By far the most of the work, and needed again only for another view. */
export function landIn(
  { rotate, scale, translate }: MapView,
  land: GeoPermissibleObjects,
  { width, height }: Pick<MapInput, 'width' | 'height'>,
): string {
  const projection = geoNaturalEarth1()
    .rotate([...rotate])
    .scale(scale)
    .translate([...translate])
    .clipExtent([
      [0, 0],
      [width, height],
    ]);
  return geoPath(projection).digits(1)(land) ?? '';
}

/** A desktop, and where its user is drawn. */
interface Drawn {
  readonly row: DesktopRow;
  readonly point: readonly [number, number];
}

function lineOf(key: string, drawn: readonly Drawn[], at: ReadonlyMap<string, [number, number]>): MapLine {
  const rows = drawn.map(({ row }) => row);
  const mean = (axis: 0 | 1) => drawn.reduce((sum, d) => sum + d.point[axis], 0) / drawn.length;
  const rttMs = median(rows.flatMap((row) => row.rttMs ?? []));
  const site = rows[0]?.site ?? '';
  return {
    key,
    site,
    from: [round(mean(0)), round(mean(1))],
    to: at.get(site) ?? [0, 0],
    desktops: rows.map((r) => r.desktop),
    rttMs,
    kind: rttClass(rttMs),
    guessed: rows.some(({ place }) => place?.from === 'round-trips'),
  };
}

/** Where a user is drawn; without a map beside the site, the farther the longer its round trip. Null where nobody can tell. */
function pointOf(
  { place, rttMs }: DesktopRow,
  projection: GeoProjection | null,
  site: readonly [number, number] | undefined,
): [number, number] | null {
  if (site === undefined) return null;
  if (projection !== null) return place === null ? null : projection([place.longitude, place.latitude]);
  if (rttMs === null) return null;
  const turn = Math.floor(rttMs / 10);
  const away = 24 + Math.min(60, rttMs / 3);
  return [site[0] + away * Math.cos(turn), site[1] + away * Math.sin(turn)];
}

/** Shows all sites and users, and what is around them. */
function projectionFor({ places, sites, desktops, width, height }: MapInput): GeoProjection {
  const all = [
    ...sites.flatMap(({ site }) => places[site] ?? []),
    ...desktops.flatMap(({ place }) => place ?? []),
  ].map(({ longitude, latitude }): [number, number] => [longitude, latitude]);
  const [west, east] = spanOf(
    all.map(([lon]) => lon),
    LEAST_SPAN,
    180,
  );
  const [south, north] = spanOf(
    all.map(([, lat]) => lat),
    LEAST_SPAN / 2,
    85,
  );
  return geoNaturalEarth1()
    .rotate([-(west + east) / 2, 0])
    .fitExtent(
      [
        [MARGIN, MARGIN],
        [width - MARGIN, height - MARGIN],
      ],
      {
        type: 'MultiPoint',
        coordinates: [[west, south], [west, north], [east, south], [east, north], ...all],
      },
    );
}

function spanOf(values: readonly number[], least: number, most: number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0, least - (high - low)) / 2;
  return [Math.max(-most, low - room), Math.min(most, high + room)];
}

function inRing(i: number, n: number, width: number, height: number): [number, number] {
  const angle = (2 * Math.PI * i) / Math.max(1, n) - Math.PI / 2;
  const radius = n === 1 ? 0 : 1;
  return [
    width / 2 + radius * (width / 2 - 2 * MARGIN) * Math.cos(angle),
    height / 2 + radius * (height / 2 - MARGIN) * Math.sin(angle),
  ];
}

const round = (n: number) => Math.round(n * 10) / 10;
