// The grid as charts: a column a kind of RTTs; rows as in Figure 11 (time, effectiveness), by sites and by desktops, and the time of
// every cloud of 40 and more sites by its size, the two large ones among them.
import type { Run } from './effect.js';
import { GREEDIES, type Cell, type GridPopulation } from './grid.js';
import { chart, type Axis, type Panel, type Series } from './svg.js';
import { PAPER } from './tables.js';
import { grouped } from './figures-in-words.js';

type Figure = (r: Pick<Run, 'cpuMs'> & Partial<Run>) => number | undefined;

function lines(
  cells: readonly Cell[],
  population: GridPopulation,
  x: (c: Cell) => number,
  figure: Figure,
): Series[] {
  const of = (name: string, run: (c: Cell) => Parameters<Figure>[0] | undefined): Series => ({
    name,
    points: cells
      .flatMap((c) => {
        const r = run(c);
        const y = r === undefined ? undefined : figure(r);
        return y === undefined || !Number.isFinite(y) ? [] : [[x(c), y] as const];
      })
      .sort(([a], [b]) => a - b),
  });
  return [
    ...GREEDIES.map((order) => of(order, (c) => c.greedy[population][order])),
    of('exact', (c) => c.exact),
    of('multi-resource', (c) => c.multiResource),
    of('ilp (HiGHS MIP)', (c) => c.ilp?.run),
  ];
}

const SITES: Axis = { label: 'sites', log: false };
const DESKTOPS: Axis = { label: 'desktops', log: false };
const TIME: Axis = { label: 'ms of CPU time', log: true };
const GAIN: Axis = { label: '% of the optimum', log: false };
const LATENCY: Axis = { label: '% of the largest possible', log: false };
const BAND = {
  low: PAPER.lowPercent,
  high: PAPER.highPercent,
  label: `the paper: ${PAPER.lowPercent} to ${PAPER.highPercent} %`,
};

/** A row of panels for each figure; the cells of one kind of RTTs. */
function panelsOf(cells: readonly Cell[], rtts: Cell['rtts']): Panel[] {
  const here = cells.filter((c) => c.rtts === rtts);
  const most = Math.max(...here.filter((c) => c.sites < 40).map((c) => c.desktops));
  const bySites = here.filter((c) => c.desktops === most && c.sites <= 40);
  const byDesktops = here.filter((c) => c.sites === 40 && c.desktops <= 2_000);
  const large = here.filter((c) => c.sites >= 40);
  const sites = (c: Cell) => c.sites;
  const desktops = (c: Cell) => c.desktops;
  const pairs = (c: Cell) => c.desktops * c.sites;
  const time: Figure = (r) => r.cpuMs;
  const gain: Figure = (r) => 100 * (r.share ?? NaN);
  const latency: Figure = (r) => 100 * (r.latencyShare ?? NaN);
  const title = (what: string) => `${rtts} RTTs: ${what}`;
  const mostText = grouped(most);
  const all = 'all-candidates';
  return [
    {
      title: title(`time, ${mostText} desktops`),
      x: SITES,
      y: TIME,
      series: lines(bySites, 'mixed', sites, time),
    },
    {
      title: title('time, 40 sites'),
      x: DESKTOPS,
      y: TIME,
      series: lines(byDesktops, 'mixed', desktops, time),
    },
    {
      title: title('time, clouds of 40 and 100 sites'),
      x: { label: 'desktops x sites', log: true },
      y: TIME,
      series: lines(large, 'mixed', pairs, time),
    },
    {
      title: title(`gain, ${mostText} desktops, 35 % candidates`),
      x: SITES,
      y: GAIN,
      series: lines(bySites, 'mixed', sites, gain),
    },
    {
      title: title('gain, 40 sites, 35 % candidates'),
      x: DESKTOPS,
      y: GAIN,
      series: lines(byDesktops, 'mixed', desktops, gain),
    },
    {
      title: title(`RTT decrease, ${mostText} desktops, all candidates`),
      x: SITES,
      y: LATENCY,
      series: lines(bySites, all, sites, latency),
      band: BAND,
    },
    {
      title: title('RTT decrease, 40 sites, all candidates'),
      x: DESKTOPS,
      y: LATENCY,
      series: lines(byDesktops, all, desktops, latency),
      band: BAND,
    },
  ];
}

/** Draw everything. */
export function plot(cells: readonly Cell[]): string {
  const columns = [...new Set(cells.map((c) => c.rtts))].map((rtts) => panelsOf(cells, rtts));
  const rows = columns[0]?.flatMap((_, k) => columns.map((panels) => panels[k]!)) ?? [];
  return chart(rows, columns.length);
}
