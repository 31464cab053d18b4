// The list of desktops: which of them, in which order, which page. Pure.
import type { DesktopRow } from '../api.js';

/** What it may be ordered by. */
export type Column = 'desktop' | 'host' | 'state' | 'rank' | 'rttMs' | 'responseMs' | 'user';

export interface ListAsk {
  /** Words, each of which a desktop must have somewhere in its names, state, user or problem. */
  readonly words: string;
  readonly by: Column;
  readonly falling: boolean;
  readonly page: number;
}

export interface ListPage {
  readonly rows: readonly DesktopRow[];
  /** Of those that the words chose. */
  readonly total: number;
  /** From 0, and the last one there is at most. */
  readonly page: number;
  readonly pages: number;
}

/** As many as a screen or two show: the browser draws no more, however many desktops there are. */
export const ROWS_A_PAGE = 50;

/** Choose, order and cut. Desktops without a figure come last, either way. */
export function listPage(desktops: readonly DesktopRow[], { words, by, falling, page }: ListAsk): ListPage {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const chosen = desktops.filter((d) => wanted.every((word) => textOf(d).includes(word)));
  chosen.sort((a, b) => compare(a[by], b[by], falling) || compare(a.desktop, b.desktop, false));
  const pages = Math.max(1, Math.ceil(chosen.length / ROWS_A_PAGE));
  const at = Math.min(Math.max(0, page), pages - 1);
  return {
    rows: chosen.slice(at * ROWS_A_PAGE, (at + 1) * ROWS_A_PAGE),
    total: chosen.length,
    page: at,
    pages,
  };
}

const textOf = (d: DesktopRow) =>
  `${d.desktop} ${d.host} ${d.state} ${d.user ?? ''} ${d.problem ?? ''}${d.moving ? ' moving' : ''}`.toLowerCase();

function compare(a: string | number | null, b: string | number | null, falling: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = a < b ? -1 : a > b ? 1 : 0;
  return falling ? -order : order;
}
