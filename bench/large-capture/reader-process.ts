// Reads one capture as `vmshadow fingerprint FILE` does, as a process of its own, so that its memory is its own: prints one line of JSON.
import { fingerprintFile } from '../../cli/commands/fingerprint.js';
import type { CaptureReport } from '../../domain/fingerprint/rank/capture-report.js';

export interface Read {
  /** Most that was resident at any time, megabytes. */
  readonly residentMb: number;
  readonly seconds: number;
  readonly rank: number | null;
  readonly framesPerSecond: number | null;
}

const start = performance.now();
const [report] = JSON.parse(await fingerprintFile(process.argv[2] ?? '', { json: true })) as CaptureReport[];
const read: Read = {
  residentMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  seconds: (performance.now() - start) / 1000,
  rank: report?.rank ?? null,
  framesPerSecond: report?.framesPerSecond ?? null,
};
console.log(JSON.stringify(read));
