// Reconciliation, by schedule and by `vmshadow reconcile`: what the hosts hold against the moves that are open. What is safe is repaired, a
// step at a time and each on a new look; what needs a person is said in plain words.
import { setCurrentDetails } from '@temporalio/workflow';
import type { PoolHosts } from '../activities/control/control-activities.js';
import type { Finding } from '../domain/reconcile/finding.js';
import { desktopsOf, findLeftovers } from '../domain/reconcile/find.js';
import { ReconcileInput, type ReconcileResult } from '../temporal/contract/reconcile.js';
import { WORKFLOW } from '../temporal/contract/names.js';
import { control } from './control-proxy.js';
import { lookAt } from './reconcile/look.js';
import { makeRepairs } from './reconcile/repairs.js';
import { Tried } from './reconcile/tried.js';
import { workflowInput } from './serve.js';

/** Find what ended moves, lost hosts and hosts that came back have left, and clear it; with `dryRun` only say it. */
export async function reconcile(raw: unknown): Promise<ReconcileResult> {
  const { pool, dryRun } = workflowInput(ReconcileInput, raw, WORKFLOW.reconcile);
  const cloud = await control.poolOf({ pool });
  const tried = new Tried();
  for (;;) {
    const { findings, moving } = await look(cloud);
    const wanted = dryRun ? [] : tried.untried(findings);
    const result = { pool, dryRun, items: tried.itemsWith(findings), moving };
    setCurrentDetails(render(result));
    if (wanted.length === 0) return result;
    tried.add(await makeRepairs(wanted, cloud.hosts));
  }
}

async function look({ hosts, graceMs }: PoolHosts): Promise<{ findings: Finding[]; moving: string[] }> {
  const askedAtMs = Date.now();
  const looks = await lookAt(hosts, null);
  const rest = { hosts: looks, whole: true, nowMs: askedAtMs, graceMs };
  // Whether a move is open is asked after the hosts: one that began meanwhile is open, one that ended meanwhile ended after they were asked.
  const suspected = desktopsOf(findLeftovers({ ...rest, busy: new Set() }));
  const moves = suspected.length === 0 ? [] : await control.movesOf(suspected);
  const moving = moves
    .filter((m) => m.endedAtMs === null || m.endedAtMs >= askedAtMs)
    .map((m) => String(m.desktop));
  return { findings: findLeftovers({ ...rest, busy: new Set(moving) }), moving };
}

/** Render what was found for the UI's "current details", in Markdown. */
function render({ pool, items, moving }: ReconcileResult): string {
  const lines = items.map(
    (i) =>
      `- **${i.outcome === 'found' && i.person !== null ? 'needs a person' : i.outcome}** ${i.words}${i.person === null ? '' : `: ${i.person}`}${i.error === null ? '' : ` (${i.error})`}`,
  );
  return [
    `**Pool ${pool}**: ${items.length === 0 ? 'nothing is left over' : ''}`,
    ...lines,
    ...(moving.length === 0 ? [] : ['', `Left alone, in a move: ${moving.join(', ')}`]),
  ].join('\n');
}
