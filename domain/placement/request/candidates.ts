// Step 1 of the paper's algorithm (MMSys'14 section 5): who may be moved nearer, and who may be evicted to a global site.
import { mayGo, rttOf, type Problem } from './problem.js';

/** Sites open to desktop `i`, its own among them, nearest first (equal RTT: the file's order; its own first). */
export function sitesByRtt(p: Problem, i: number): number[] {
  const own = p.current[i] as number;
  const open: number[] = [];
  for (let j = 0; j < p.siteCount; j++) if (mayGo(p, i, j) && rttOf(p, i, j) !== Infinity) open.push(j);
  return open.sort(
    (a, b) => rttOf(p, i, a) - rttOf(p, i, b) || Number(b === own) - Number(a === own) || a - b,
  );
}

/** Tell whether desktop `i` is a candidate for relocation: ranked above T_h, free to move. */
export function isCandidate(p: Problem, i: number): boolean {
  return p.pinned[i] === undefined && (p.rank[i] as number) > p.policy.highThreshold;
}

/** Tell whether desktop `i` may be evicted: at a regional site, ranked below T_l for at least T', or flagged by the operator. */
export function isReclaimable(p: Problem, i: number): boolean {
  if (p.pinned[i] !== undefined || p.sites[p.current[i] as number]?.kind !== 'regional') return false;
  const flag = p.desktops[i]?.reclaimable;
  if (flag !== undefined) return flag;
  return (p.rank[i] as number) < p.policy.lowThreshold && p.keepsItsRtt[i] === 0;
}
