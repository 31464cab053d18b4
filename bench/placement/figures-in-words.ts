// Figures and tables in Markdown.
import type { BenchShape } from './instances.js';

/** A figure with fixed decimals; `-` where there is none. */
export const show = (x: number | undefined, digits = 1): string =>
  x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(digits);

/** Milliseconds with as many decimals as they deserve. */
export const ms = (x: number | undefined): string =>
  show(x, x !== undefined && x < 10 ? 1 : 0).replace(/\B(?=(\d{3})+$)/g, ',');

/** A share in percent. */
export const percent = (x: number | undefined): string =>
  x === undefined || !Number.isFinite(x) ? '-' : `${(100 * x).toFixed(1)} %`;

/** 10000 as 10,000. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** `2,000 x 40`. */
export const sizeOf = (c: Pick<BenchShape, 'desktops' | 'sites'>): string =>
  `${grouped(c.desktops)} x ${c.sites}`;

export const mean = (list: readonly number[]): number => list.reduce((x, y) => x + y, 0) / list.length;

/** A Markdown table. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
