// The demo's figures (demo-report/result.json), for programs. Its keys are fixed: other tools read them.
import { z } from 'zod';
import { CAUSES, OUTCOMES, PHASES } from '../../domain/migration/phases.js';

const ms = z.number().min(0);
const bytes = z.number().int().min(0);

export const ResponseSummary = z.strictObject({
  median: ms.nullable(),
  p95: ms.nullable(),
  samples: z.number().int().min(0),
});
/** Response times in ms; null where there is no sample. */
export type ResponseSummary = z.infer<typeof ResponseSummary>;

const DemoMove = z.strictObject({
  desktop: z.string(),
  /** `site/host`. */
  from: z.string(),
  to: z.string(),
  cause: z.enum(CAUSES),
  outcome: z.enum(OUTCOMES),
  startedAtMs: z.number(),
  endedAtMs: z.number().nullable(),
});
type DemoMove = z.infer<typeof DemoMove>;

export const DemoResult = z.strictObject({
  /** The move's cause was the loop; nobody asked for it. */
  decidedByLoop: z.boolean(),
  /** Cycles of the loop from the session's first frame to the decision; the first that began after it is 1. */
  decidedInCycle: z.number().int().min(0),
  /** One TCP connection (same socket, same ports) carried frames before and after. */
  sameConnection: z.boolean(),
  /** SHA-256 over the disk of both ends as of the switchover. */
  diskHashesEqual: z.boolean(),
  /** Processes over all hosts that run the moved desktop. */
  runningCopies: z.number().int().min(0),
  /** What is still at the source side and should not be; empty when all is well. */
  leftovers: z.array(z.string()),
  /** Of the moved desktop, as its VNC client saw them: before the move began, and after it ended. */
  responseMs: z.strictObject({ before: ResponseSummary, after: ResponseSummary }),
  /** As QEMU reports it. */
  downtimeMs: ms.nullable(),
  /** The longest that the user saw around the switchover. */
  gapMs: ms.nullable(),
  wanBytes: z.strictObject({ disk: bytes, memory: bytes }),
  phaseMs: z.partialRecord(z.enum(PHASES), ms),
  /** By desktop, as of the decision. */
  ranks: z.record(z.string(), z.number().min(0).max(1).nullable()),
  moves: z.array(DemoMove),
});
export type DemoResult = z.infer<typeof DemoResult>;

/** A session is sampled in the first cycle and ranked in the second; the third is for a busy machine. */
export const DECIDES_WITHIN_CYCLES = 3;

/** Of every user of the demo (scenario.ts). */
export const NEAREST_SITE = 'us-east';

/** The site of a move's target that is not the nearest to its user; null where every move led there. */
export function wrongSite(result: DemoResult): string | null {
  const moved = result.moves.filter((m) => m.outcome === 'moved');
  return moved.map((m) => m.to.split('/')[0] ?? '').find((site) => site !== NEAREST_SITE) ?? null;
}

/** Say what the demo promised and did not keep; empty: exit 0. */
export function brokenPromises(result: DemoResult): string[] {
  const { before, after } = result.responseMs;
  const moved = result.moves.filter((m) => m.outcome === 'moved');
  const checks: [boolean, string][] = [
    [moved.length > 0, 'no desktop was moved'],
    [
      wrongSite(result) === null,
      `moved to ${wrongSite(result) ?? ''}, not to the site nearest its user (${NEAREST_SITE})`,
    ],
    [result.decidedByLoop, "the move was not the loop's own decision"],
    [
      result.decidedInCycle <= DECIDES_WITHIN_CYCLES,
      `the loop decided only in cycle ${String(result.decidedInCycle)} of the session; expected within ${String(DECIDES_WITHIN_CYCLES)}`,
    ],
    [result.sameConnection, 'the VNC connection did not survive the move'],
    [before.samples > 0 && after.samples > 0, 'the VNC client has no frames before, or none after the move'],
    [result.diskHashesEqual, 'the disks of source and target differ (or were not compared)'],
    [
      result.runningCopies === 1,
      `${String(result.runningCopies)} copies of the desktop run; expected exactly one`,
    ],
    [result.leftovers.length === 0, `left at the source: ${result.leftovers.join(', ')}`],
  ];
  return checks.filter(([kept]) => !kept).map(([, broken]) => broken);
}
