// When a desktop's headers are worth a look: in turn while it carries traffic, and out of turn when what the last look saw is not what
// goes on now. Pure.
import type { CycleSummary, FlowKey } from '../model.js';
import { sameFlow } from './remote-desktop.js';

export interface SampledActivity {
  readonly nowMs: number;
  /** When the last look ended; 0 for never. */
  readonly sampledAtMs: number;
  readonly sample: CycleSummary | undefined;
  /** Of the whole desktop, both ways, since the last look. */
  readonly bytesSince: number;
  /** The remote desktop's flow and what it sent in the last `turnMs`; null when it was silent. */
  readonly screen: { readonly flow: FlowKey; readonly bytesOut: number } | null;
  readonly turnMs: number;
  /** When looks out of turn began. */
  readonly earlyAtMs: readonly number[];
}

export type Look = 'in turn' | 'early';

/** Less than this since the last sample is keep-alives: not worth a look. One keystroke with its echo is more. */
const ACTIVE_BYTES = 200;
/** A connection that has shown a screen sent more than this; one that was refused, or is still being set up, less. */
const SHOWN_BYTES = 1_000;
/** A screen that sends so much more than when it was sampled does something else now: from a page to a film, not from line to line. */
const BUSIER = { factor: 4, bytesPerSecond: 5_000 };
/** Sessions that come and go, or change all the time, get so many looks out of turn in so long. */
const EARLY_MOST = 3;
const EARLY_WITHIN_MS = 60_000;

/** Say whether a look is due now, and why; null when not. `everyMs`: from the end of one look to the next in turn. */
export function dueLook(activity: SampledActivity, everyMs: number): Look | null {
  const { nowMs, sampledAtMs, bytesSince, earlyAtMs } = activity;
  if (bytesSince < ACTIVE_BYTES) return null;
  if (nowMs - sampledAtMs >= everyMs) return 'in turn';
  if (recent(earlyAtMs, nowMs).length >= EARLY_MOST) return null;
  return isOutdated(activity) ? 'early' : null;
}

/** Those of `earlyAtMs` that count still. */
export function recent(earlyAtMs: readonly number[], nowMs: number): number[] {
  return earlyAtMs.filter((atMs) => nowMs - atMs < EARLY_WITHIN_MS);
}

/** Tell whether the session has begun, or turned to something else, since its sample or within it. */
function isOutdated({ sample, screen, turnMs }: SampledActivity): boolean {
  if (screen === null || screen.bytesOut < SHOWN_BYTES) return false;
  if (sample === undefined || sample.doubt === 'beginning' || !sameFlow(sample.flow, screen.flow))
    return true;
  const now = (screen.bytesOut * 1000) / turnMs;
  if (now < BUSIER.bytesPerSecond) return false;
  // Few updates, and now many bytes: a film that began towards the end of the look.
  if (sample.doubt === 'few') return true;
  const then = (sample.frames * sample.bytesPerFrame * 1000) / Math.max(1, sample.sampleMs);
  return now >= BUSIER.factor * then;
}
