// The phases of a move, in order, and what they are called everywhere (UI, CLI, search attributes, docs).

export const PHASES = ['preflight', 'async-disk', 'sync-switch', 'memory', 'switchover', 'cleanup'] as const;
export type Phase = (typeof PHASES)[number];

export const OUTCOMES = ['running', 'moved', 'cancelled', 'failed'] as const;
/** How a move ended; `running` while it has not. `failed` and `cancelled`: the desktop runs at the source. */
export type Outcome = (typeof OUTCOMES)[number];

/** Who wanted the move; `drain`: its site or host is being emptied. */
export const CAUSES = ['loop', 'rebalance', 'operator', 'drain'] as const;
export type Cause = (typeof CAUSES)[number];

const DESCRIPTIONS: Record<Phase, string> = {
  preflight: 'checking both hosts and reserving capacity',
  'async-disk': 'copying the disk in the background',
  'sync-switch': 'making disk replication synchronous',
  memory: 'copying memory in rounds while the desktop runs',
  switchover: 'pausing the desktop, changing its owner and resuming it at the target',
  cleanup: 'verifying the disk and removing what the source no longer needs',
};

/** Say in plain words what a phase does. */
export function describePhase(phase: Phase): string {
  return DESCRIPTIONS[phase];
}
