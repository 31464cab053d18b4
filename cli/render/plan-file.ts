// The table of `vmshadow plan --input`: what the plan gains and costs, moves by wave, slot prices, and why the others stay.
import type { PlanResult } from '../../domain/placement/request/model.js';
import { formatBytes, formatMs, formatNumber, plural } from './format.js';
import { printable, section, type Column } from './table.js';

const MOVES: readonly Column[] = [
  { head: 'wave', right: true },
  { head: 'desktop' },
  { head: 'from' },
  { head: 'to' },
  { head: 'RTT now', right: true },
  { head: 'then', right: true },
  { head: 'gain', right: true },
  { head: 'benefit', right: true },
  { head: 'GB', right: true },
  { head: 'slot price', right: true },
  { head: 'reason' },
];

const place = (site: string, host: string | undefined) => (host === undefined ? site : `${site}/${host}`);

/** Who is how far before and after, what crosses which link, what constraints cost; nothing for a plan that does not say. */
function figures({ figures: f }: PlanResult): string[] {
  if (f?.worst === undefined) return [];
  const worst = (w: { desktop: string; rttMs: number }) => `${formatMs(w.rttMs)} (${w.desktop})`;
  return [
    section(
      'USERS',
      [{ head: 'round trip' }, { head: 'now', right: true }, { head: 'then', right: true }],
      [
        ...f.above.map((a) => [`above ${formatMs(a.rttMs)}`, String(a.before), String(a.after)]),
        ['the farthest', worst(f.worst.before), worst(f.worst.after)],
      ],
      'none',
    ),
    ...(f.links.length === 0
      ? []
      : [
          section(
            'WAN LINKS',
            [
              { head: 'from' },
              { head: 'to' },
              { head: 'moves', right: true },
              { head: 'GB', right: true },
              { head: 'hours', right: true },
            ],
            f.links.map((l) => [
              l.from,
              l.to,
              String(l.moves),
              formatNumber(l.gigabytes),
              formatNumber(l.hours, 2),
            ]),
            'none',
          ),
        ]),
    ...(f.constraints.length === 0
      ? []
      : [
          section(
            'CONSTRAINTS',
            [{ head: 'without' }, { head: 'gain more by', right: true }],
            f.constraints.map((c) => [c.constraint, formatMs(c.costsMs)]),
            'none',
          ),
        ]),
  ];
}

/** Render a plan made from a file. */
export function renderFilePlan(plan: PlanResult): string {
  const waves = Math.max(0, ...plan.moves.map((m) => m.wave));
  const rows = plan.moves.map((m) => [
    String(m.wave),
    m.parking === true ? `${m.desktop} (parking)` : m.desktop,
    place(m.from, m.fromHost),
    place(m.to, m.toHost),
    formatMs(m.rttBeforeMs),
    formatMs(m.rttAfterMs),
    formatNumber(m.gainMs),
    formatNumber(m.benefit),
    formatNumber(m.cost),
    formatNumber(m.slotPrice),
    m.reason,
  ]);
  const prices = Object.entries(plan.slotPrices)
    .filter(([, price]) => price > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([site, price]) => [site, formatNumber(price)]);
  const gap =
    plan.gap > 0
      ? `at most ${formatNumber(plan.bound)} is possible under the policy (gap ${formatNumber(plan.gap * 100, 2)} %)`
      : 'the best possible under the policy';
  return [
    `PLAN by ${plan.algorithm}: ${plural(plan.moves.length, 'move')} in ${plural(waves, 'wave')}, ${formatBytes(plan.bytesMoved)} over the WAN`,
    `gain ${formatNumber(plan.objective)} ms (rank x RTT saved, over all desktops); ${gap}; solved in ${formatMs(plan.solveMs)}`,
    ...plan.warnings.map((w) => `warning: ${printable(w)}`),
    section(
      'MOVES',
      MOVES,
      rows,
      'none: every desktop is where it should be, or cannot be moved (see below)',
    ),
    section(
      'SLOT PRICES',
      [{ head: 'site' }, { head: 'one slot more is worth', right: true }],
      prices,
      'all 0: no site would gain by one slot more',
    ),
    ...figures(plan),
    section(
      'STAY',
      [{ head: 'desktop' }, { head: 'reason' }],
      plan.notMoved.map((n) => [n.desktop, n.reason]),
      'nobody',
    ),
  ]
    .join('\n\n')
    .concat('\n');
}
