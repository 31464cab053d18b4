// The fault matrix: in which phase of a move what happens. Pure.

export const PHASES = {
  'async-disk': 'the disk is being copied',
  'sync-disk': 'the disk has become synchronous',
  'pre-copy': 'memory is being copied',
  'pre-switchover': 'the switchover has begun, nothing is released',
  'after-release': '`released` is written, `owner` is not',
  'after-run': '`owner` is written, the desktop runs at the target',
  'clean-up': 'the source is being retired',
} as const;
export type FaultPhase = keyof typeof PHASES;

export const FAULTS = {
  'kill-source-qemu': "kill -9 of the source's QEMU",
  'kill-target-qemu': "kill -9 of the target's QEMU",
  'kill-storage-daemon': "kill -9 of the target's storage daemon",
  'kill-source-dom0': "kill -9 of the source's dom0, back after 2 s",
  'kill-target-dom0': "kill -9 of the target's dom0, back after 2 s",
  'kill-manager': 'kill -9 of the manager, back after 2 s',
  'kill-temporal': 'kill -9 of the Temporal server, back after 2 s',
  'freeze-temporal': 'the Temporal server stands still for 7 s',
  'cut-5s': 'no packets between the sites for 5 s',
  'cut-60s': 'no packets between the sites for 60 s',
  'cut-forward-5s': 'none from source to target for 5 s',
  'cut-forward-60s': 'none from source to target for 60 s',
  'cut-backward-5s': 'none from target to source for 5 s',
  'cut-backward-60s': 'none from target to source for 60 s',
  'fill-target-disk': "the target's file system is full for 20 s",
  'flush-rules': 'nft flush ruleset at both hosts',
  cancel: 'the operator cancels',
  terminate: 'the workflow is terminated',
  'kill-proxy': "kill -9 of the client's proxy, back after 2 s",
} as const;
export type Fault = keyof typeof FAULTS;

export interface Cell {
  readonly phase: FaultPhase;
  readonly fault: Fault;
}

export const phases = Object.keys(PHASES) as FaultPhase[];
export const faults = Object.keys(FAULTS) as Fault[];

/** The order in which phases are tried: those first in which most is at stake. */
const WORST_FIRST: readonly FaultPhase[] = [
  'after-release',
  'after-run',
  'pre-switchover',
  'clean-up',
  'pre-copy',
  'sync-disk',
  'async-disk',
];

/**
 * All cells, along the diagonals: seven in a row cover every phase and nineteen every fault. As 7 and 19 have no common divisor, each cell
 * comes once.
 */
export const cells: readonly Cell[] = Array.from({ length: phases.length * faults.length }, (_, i) => ({
  phase: WORST_FIRST[i % phases.length]!,
  fault: faults[i % faults.length]!,
}));

export const nameOf = ({ phase, fault }: Cell): string => `${phase}/${fault}`;

/** Cells that `PHASE/FAULT` names, either end of which may be `*`; none for a name that there is not. */
export function cellsNamed(name: string): Cell[] {
  const [phase, fault, ...rest] = name.split('/');
  if (rest.length > 0) return [];
  return cells.filter(
    (cell) => [cell.phase, '*'].includes(phase ?? '') && [cell.fault, '*'].includes(fault ?? '*'),
  );
}

/** Cells still to be run so that each has been hit `runs` times, each run once before any is run again. */
export function openCells(wanted: readonly Cell[], runsOf: (cell: Cell) => number, runs: number): Cell[] {
  return wanted.filter((cell) => runsOf(cell) < runs).sort((a, b) => runsOf(a) - runsOf(b));
}

/** How long a cut lasts, ms; 0 for what is no cut. */
export function cutMs(fault: Fault): number {
  return 1_000 * Number(/^cut-.*?(\d+)s$/.exec(fault)?.[1] ?? 0);
}
