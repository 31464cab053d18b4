// Figures of a pool at one moment, by name, as the page shows how they went. Pure.
import { median } from '../../domain/fingerprint/statistics.js';
import type { DesktopStatus, LoopStatus } from '../../temporal/contract/status.js';
import type { DesktopRow } from '../api.js';

/** The response time of a desktop's session at its present round trip, ms; null where either is not known. */
export function responseAt({ rttMs, predicted }: Pick<DesktopStatus, 'rttMs' | 'predicted'>): number | null {
  if (rttMs === null || predicted.length < 2) return null;
  const found = predicted.findIndex((p) => p.rttMs >= rttMs);
  // Beyond the last point it goes on as it went.
  const after = found === -1 ? predicted.length - 1 : Math.max(1, found);
  const [a, b] = [predicted[after - 1], predicted[after]];
  if (a === undefined || b === undefined || a.responseMs === null || b.responseMs === null) return null;
  const share = (rttMs - a.rttMs) / (b.rttMs - a.rttMs);
  return Math.round((a.responseMs + share * (b.responseMs - a.responseMs)) * 10) / 10;
}

/** Of the pool: slots in use by site, desktops, mean rank, candidates, median round trip, moves. */
export function figuresOf(
  status: Pick<LoopStatus, 'sites' | 'desktopCount' | 'moves'>,
  rows: readonly DesktopRow[],
  highThreshold: number,
): [string, number | null][] {
  const ranks = known(rows.map((r) => r.rank));
  return [
    ...status.sites.map(({ site, usedSlots }): [string, number] => [`used/${site}`, usedSlots]),
    ['desktops', status.desktopCount],
    ['moves', status.moves.length],
    ['rank', ranks.length === 0 ? null : ranks.reduce((sum, r) => sum + r, 0) / ranks.length],
    ['candidates', ranks.filter((r) => r > highThreshold).length],
    ['rtt', median(known(rows.map((r) => r.rttMs)))],
  ];
}

const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
