// Makes of one look at a desktop's tap what its window reports: which flow shows the screen, and the summary of its cycles.
import { evidenceOf } from './flow-evidence.js';
import { flowId, type FlowTable } from '../capture/flow-table.js';
import type { CycleSummary, FlowKey } from '../model.js';
import { behaves, findRemoteDesktop } from './remote-desktop.js';
import { summariseFlow } from './summary.js';

export interface SampleContext {
  readonly remoteDesktopPorts: readonly number[];
  readonly relayPorts: readonly number[];
  readonly previous: FlowKey | undefined;
  readonly takenAtMs: number;
  readonly watchedMs: number;
  readonly assumedFps: number;
}

/** Sum up a sample; undefined when no flow in it looks like a remote desktop. */
export function sampleOf(
  table: FlowTable,
  context: SampleContext,
): { cycles: CycleSummary; foundBy: 'port' | 'behaviour' } | undefined {
  const flows = [...table.flows.values()].map((flow) => ({ ...evidenceOf(flow), flow }));
  const found = findRemoteDesktop(flows, context);
  if (found === null) return undefined;
  const cycles = summariseFlow(found.flow.flow, {
    takenAtMs: context.takenAtMs,
    sampleMs: context.watchedMs,
    goesOn: true,
    assumedFps: context.assumedFps,
  });
  return { cycles, foundBy: found.foundBy };
}

/** Fewer packets of the peer show no habit. */
const ENOUGH_PACKETS = 8;

/** Flows of a look whose headers showed neither a person nor a screen, by their names: a backup is none, however its counters look. */
export function ruledOutBy(table: FlowTable): Set<string> {
  return new Set(
    [...table.flows.values()]
      .filter((flow) => flow.packetsIn >= ENOUGH_PACKETS && !behaves(evidenceOf(flow)))
      .map((flow) => flowId(flow.key)),
  );
}
