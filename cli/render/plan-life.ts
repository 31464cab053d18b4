// What a saved plan has become: the account of `vmshadow apply`, and of `vmshadow plan --diff`.
import type { MoveDifference, PlanDifference, Route } from '../../domain/placement/life/diff.js';
import type { Change } from '../../domain/placement/life/snapshot.js';
import { hostKey } from '../../domain/model/ids.js';
import type { Applied } from '../commands/apply.js';
import { formatAge, formatNumber, plural } from './format.js';
import { section } from './table.js';

/** Rows of a table for people; --json has them all. */
const ROWS_SHOWN = 200;

function changeSection(changes: readonly Change[]): string {
  const rows = changes.slice(0, ROWS_SHOWN).map((c) => [c.of, c.name, c.what]);
  const more = changes.length - rows.length;
  return section(
    'CHANGED SINCE',
    [{ head: 'of' }, { head: 'name' }, { head: 'what' }],
    more > 0 ? [...rows, ['', '', `and ${plural(more, 'more change')}`]] : rows,
    'nothing that matters',
  );
}

/** Tell whether a move of a plan is made, or would be. */
export function isGood({ result }: Applied['moves'][number]): boolean {
  return ['moved', 'already-there', 'would-start'].includes(result);
}

/** Render what became of the moves of a plan. */
export function renderApplied({ plan, dryRun, changes, moves }: Applied): string {
  const good = moves.filter(isGood).length;
  const verb = dryRun ? 'would be made' : 'made';
  return [
    `PLAN ${plan.file} of pool ${plan.pool}, made ${formatAge(plan.madeAtMs, Date.now())}: ${String(good)} of ${plural(moves.length, 'move')} ${verb}`,
    changeSection(changes),
    section(
      'MOVES',
      [
        { head: 'wave', right: true },
        { head: 'desktop' },
        { head: 'from' },
        { head: 'to' },
        { head: 'result' },
        { head: 'reason' },
      ],
      moves.map((m) => [
        String(m.wave),
        m.desktop,
        hostKey(m.from),
        hostKey(m.to),
        m.result.replaceAll('-', ' '),
        m.reason ?? '',
      ]),
      'none',
    ),
  ].join('\n\n');
}

const KINDS: Readonly<Record<MoveDifference['kind'], string>> = {
  kept: 'kept',
  other: 'goes elsewhere',
  dropped: 'no longer moved',
  new: 'new',
};

const routeOf = (route: Route | null) => (route === null ? '-' : `${route.from} -> ${route.to}`);

/** Render what differs between a saved plan and another one. */
export function renderPlanDiff(difference: PlanDifference, madeAtMs: number): string {
  const { same, changes, moves, figures } = difference;
  const differing = moves.filter((m) => m.kind !== 'kept');
  const kept = moves.length - differing.length;
  return [
    same
      ? `SAME MOVES as the plan made ${formatAge(madeAtMs, Date.now())} (${String(kept)})`
      : `PLAN DIFFERS from the one made ${formatAge(madeAtMs, Date.now())}: ${plural(differing.length, 'desktop')} otherwise, ${String(kept)} as before`,
    changeSection(changes),
    section(
      'MOVES',
      [{ head: 'desktop' }, { head: '' }, { head: 'then' }, { head: 'now' }, { head: 'why' }],
      differing.map((m) => [
        m.desktop,
        KINDS[m.kind],
        routeOf(m.before),
        routeOf(m.now),
        m.why.join('; ') || 'others compete for the same room',
      ]),
      'no difference',
    ),
    section(
      'FIGURES',
      [{ head: '' }, { head: 'then', right: true }, { head: 'now', right: true }],
      figures.map((f) => [f.what, formatNumber(f.before), formatNumber(f.now)]),
      'none',
    ),
  ].join('\n\n');
}
