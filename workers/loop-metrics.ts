// What the manager's metrics say of its pool: gauges of the loop's status, read every few seconds while `--metrics` is on.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Runtime } from '@temporalio/worker';
import type { PoolId } from '../domain/model/ids.js';
import { LOOP } from '../temporal/contract/loop.js';
import { shadowLoopId } from '../temporal/contract/names.js';
import type { LoopStatus } from '../temporal/contract/status.js';

const READ_EVERY_MS = 5_000;
const READ_WITHIN_MS = 5_000;

/** Figures of the pool by name, and what each is. */
const LOOP_GAUGES = {
  vmshadow_loop_answers: ['1 while the shadow loop answers, 0 while it does not', () => 1],
  vmshadow_loop_cycle_age_seconds: [
    'Seconds since the last cycle of the loop ended',
    (s, nowMs) => (s.lastCycleMs === null ? 0 : Math.max(0, (nowMs - s.lastCycleMs) / 1000)),
  ],
  vmshadow_hosts: ['Hosts of the pool', (s) => s.hosts.length],
  vmshadow_hosts_silent: ['Hosts that do not answer', (s) => s.hosts.filter((h) => !h.alive).length],
  vmshadow_desktops: ['Desktops of the pool', (s) => s.desktopCount],
  vmshadow_moves_under_way: ['Moves under way', (s) => s.moves.length],
  vmshadow_moves_held: ['Holds on moves that failed', (s) => s.heldCount],
  vmshadow_problems: ['Problems that `vmshadow status` names', (s) => s.problems.length],
  vmshadow_paused: ['1 while the loop is paused', (s) => ((s.pausedSinceMs ?? null) === null ? 0 : 1)],
  vmshadow_draining_left: [
    'Desktops that are still at places being emptied',
    (s) => (s.draining ?? []).reduce((sum, d) => sum + d.left, 0),
  ],
  vmshadow_draining_held: [
    'Desktops at places being emptied that cannot leave',
    (s) => (s.draining ?? []).reduce((sum, d) => sum + d.counts.held, 0),
  ],
} as const satisfies Record<string, readonly [string, (status: LoopStatus, nowMs: number) => number]>;

/** Keep the gauges of a pool up to date until `signal` is aborted. */
export async function keepLoopMetrics(client: Client, pool: PoolId, signal: AbortSignal): Promise<void> {
  const meter = Runtime.instance().metricMeter.withTags({ pool });
  const gauges = Object.entries(LOOP_GAUGES).map(([name, [what, figureOf]]) => ({
    name,
    gauge: meter.createGauge(name, 'float', undefined, what),
    figureOf,
  }));
  const handle = client.workflow.getHandle(shadowLoopId(pool));
  while (!signal.aborted) {
    const status = await client
      .withDeadline(Date.now() + READ_WITHIN_MS, () => handle.query(LOOP.status, { limit: 0 }))
      .catch(() => null);
    for (const { name, gauge, figureOf } of gauges)
      if (status !== null) gauge.set(figureOf(status, Date.now()));
      else if (name === 'vmshadow_loop_answers') gauge.set(0);
    await sleep(READ_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
