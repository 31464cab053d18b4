// Whether what is known of a pool is still so: the page and its server go by the same. Pure.
import type { LoopStatus } from '../../temporal/contract/status.js';

/** Changes whenever desktops may be elsewhere, or figures are new. */
export function versionOf({
  cycle,
  lastCycleMs,
  desktopCount,
  moves,
}: Pick<LoopStatus, 'cycle' | 'lastCycleMs' | 'desktopCount' | 'moves'>): string {
  return [cycle, lastCycleMs, desktopCount, ...moves.map((m) => m.workflowId)].join(' ');
}
