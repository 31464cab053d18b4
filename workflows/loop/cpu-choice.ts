// Which processor a desktop sees, by what hosts say that they can give.
import { VmshadowError } from '../../domain/errors.js';
import { AUTO_CPU, baselineOf, isHostCpu } from '../../domain/model/cpu.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import type { LoopState } from './loop-state.js';

/** The CPU that is asked for; for `auto` the largest model that all hosts can give which say what they can. */
export function cpuAsked(state: LoopState, cpu: string | undefined): string | undefined {
  return cpu === AUTO_CPU ? (baselineOfPool(state) ?? undefined) : cpu;
}

/** Tell whether a host can give a CPU; one that does not say is let try. */
export function givesCpu(state: LoopState, host: HostRef, cpu: string | undefined): boolean {
  const known = state.reports.get(hostKey(host))?.cpu;
  return known === undefined || cpu === undefined || isHostCpu(cpu) || Object.hasOwn(known.models, cpu);
}

/** Throw INPUT_INVALID where a host cannot give a CPU. */
export function mustGiveCpu(state: LoopState, host: HostRef, cpu: string | undefined): void {
  if (givesCpu(state, host, cpu)) return;
  throw new VmshadowError(
    'INPUT_INVALID',
    `${hostKey(host)} cannot give the CPU ${cpu ?? ''}; all hosts of the pool can give ${baselineOfPool(state) ?? 'no model in common'}`,
  );
}

/** Null where there is none. */
function baselineOfPool(state: LoopState): string | null {
  return baselineOf([...state.reports.values()].flatMap((r) => (r.cpu === undefined ? [] : [r.cpu])));
}
