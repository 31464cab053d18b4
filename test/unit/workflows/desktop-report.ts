import { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { DesktopReport } from '../../../temporal/contract/host-report.js';

/** What a host says of a small desktop of its own that runs; of its rates nothing is known. */
export function desktopReport(id: string, more: Partial<DesktopReport> = {}): DesktopReport {
  return {
    definition: DesktopDefinition.parse({
      id,
      memoryMiB: 512,
      diskMiB: 512,
      network: { address: '10.7.0.2', gateway: '10.7.0.1', mac: '52:54:00:00:00:01' },
    }),
    state: 'running',
    problem: null,
    epoch: 1,
    external: null,
    diskUsedBytes: 0,
    dirty: { memoryMbps: null, diskMbps: null },
    ...more,
  };
}
