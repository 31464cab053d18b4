// The placement as a linear program: x[i,j] = 1 when desktop i goes to site j. Rows: one site for each desktop; slots of each
// site; vCPU, memory and disk of all of a site's hosts together (a relaxation: single hosts are looked after when rounding);
// the budgets. Without resource rows the matrix is totally unimodular, so the LP's solution is whole.
import { type LinearProgram, ProgramBuilder } from './linear-program.js';
import { mayGo, type Problem } from '../request/problem.js';
import type { Room } from '../schedule/free-room.js';

export interface AssignmentProgram {
  readonly program: LinearProgram;
  /** Desktop and site of each column. */
  readonly desktops: Int32Array;
  readonly sites: Int32Array;
  /** Row of each site's slots. */
  readonly slotRows: Int32Array;
  /** Rows of each site's resources that are limited, with the mean size of a desktop in them. */
  readonly resourceRows: readonly { readonly site: number; readonly row: number; readonly mean: number }[];
}

const RESOURCES = ['vcpu', 'memoryGB', 'diskGB'] as const;

/** Build the program; weights as of `weightsOf`. Desktops that may not move are taken off the room instead of getting columns. */
export function assignmentProgram(
  p: Problem,
  weights: Float64Array,
  options: { integer: boolean; room?: Room },
): AssignmentProgram {
  const b = new ProgramBuilder();
  const l = p.siteCount;
  const free = p.desktops.flatMap((_, i) => (p.pinned[i] === undefined ? [i] : []));
  const desktopRow = new Map(free.map((i) => [i, b.row(1, 1)]));
  const slotRows = Int32Array.from(p.openSlots, (slots) => b.row(-Infinity, slots));
  const resourceRows: { site: number; row: number; mean: number }[] = [];
  const rowOf = RESOURCES.map((k) =>
    Int32Array.from(p.sites, (_, site) => {
      const room = options.room === undefined ? Infinity : openResource(p, options.room, site, k);
      if (room === Infinity) return -1;
      const row = b.row(-Infinity, room);
      const mean = free.reduce((sum, i) => sum + (p.desktops[i]?.[k] ?? 0), 0) / Math.max(1, free.length);
      resourceRows.push({ site, row, mean });
      return row;
    }),
  );
  const { budgetGB, maxMoves } = p.policy;
  const gbRow = budgetGB === undefined ? -1 : b.row(-Infinity, budgetGB);
  const movesRow = maxMoves === undefined ? -1 : b.row(-Infinity, maxMoves);
  const desktops: number[] = [];
  const sites: number[] = [];
  for (const i of free) {
    const d = p.desktops[i];
    for (let j = 0; j < l; j++) {
      if (!mayGo(p, i, j)) continue;
      const moves = j === p.current[i] ? 0 : 1;
      b.column(weights[i * l + j] as number, [
        [desktopRow.get(i) ?? -1, 1],
        [slotRows[j] as number, 1],
        ...RESOURCES.map((k, r) => [rowOf[r]?.[j] ?? -1, d?.[k] ?? 0] as const),
        [gbRow, moves * (p.costGB[i] as number)],
        [movesRow, moves],
      ]);
      desktops.push(i);
      sites.push(j);
    }
  }
  return {
    program: b.build(options.integer),
    desktops: Int32Array.from(desktops),
    sites: Int32Array.from(sites),
    slotRows,
    resourceRows,
  };
}

/**
 * What the free desktops may use of `k` at a site: all of its hosts less the pinned and the reserved; where they use more than that now,
 * as much as they do, so that a site that is above its capacity still has a plan.
 */
function openResource(p: Problem, room: Room, site: number, k: (typeof RESOURCES)[number]): number {
  let left = room.wholeOf(site, k);
  if (left === Infinity) return left;
  let used = 0;
  p.desktops.forEach((d, i) => {
    if (p.current[i] !== site) return;
    if (p.pinned[i] === undefined) used += d[k];
    else left -= d[k];
  });
  const sizes = new Map(p.desktops.map((d) => [d.id, d]));
  for (const r of p.reservations)
    if (p.siteIndex.get(r.site) === site) left -= (sizes.get(r.desktop) ?? r)[k];
  return Math.max(left, used);
}

/** Share of each site for each desktop in a solution: calls `each` for every column above `least`. */
export function forEachShare(
  a: AssignmentProgram,
  values: Float64Array,
  least: number,
  each: (desktop: number, site: number, share: number) => void,
): void {
  for (let c = 0; c < a.desktops.length; c++) {
    const share = values[c] ?? 0;
    if (share > least) each(a.desktops[c] as number, a.sites[c] as number, share);
  }
}
