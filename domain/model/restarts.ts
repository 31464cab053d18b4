// When dom0 starts a desktop that should run and has no living guest: after a reboot of the host or a crash of its hypervisor at once, one
// that crashes again and again ever later, and in the end no more until somebody says so.
import { z } from 'zod';
import { DesktopId } from './ids.js';

/** What is remembered of the starts of one desktop that nobody asked for. */
export const RestartRecord = z.object({
  desktop: DesktopId,
  /** The last of them, oldest first, ms since 1970. */
  atMs: z.array(z.number()).max(100),
  /** Not started any more until an operator starts it. */
  givenUp: z.boolean(),
});
export type RestartRecord = z.infer<typeof RestartRecord>;

/** Starts that are held against a desktop: older ones have turned out well. */
const MEMORY_MS = 3_600_000;
const FIRST_PAUSE_MS = 10_000;
/** With pauses of 0, 10, 20, 40 and 80 s a guest that cannot boot is left alone within some minutes. */
export const MAX_RESTARTS = 5;

export type RestartDecision =
  | { readonly kind: 'start'; readonly record: RestartRecord }
  | { readonly kind: 'wait'; readonly untilMs: number; readonly restarts: number }
  | { readonly kind: 'give-up'; readonly record: RestartRecord };

/** Decide about a desktop that is seen to be down at `nowMs` although it should run. A record to be written stands in the answer. */
export function restartDecision(
  desktop: DesktopId,
  known: RestartRecord | null,
  nowMs: number,
): RestartDecision {
  // A clock that was set back must not make anybody wait for the time between.
  const recent = (known?.atMs ?? []).map((at) => Math.min(at, nowMs)).filter((at) => nowMs - at < MEMORY_MS);
  const record = { desktop, atMs: recent, givenUp: false };
  if (known?.givenUp === true) return { kind: 'give-up', record: known };
  if (recent.length >= MAX_RESTARTS) return { kind: 'give-up', record: { ...record, givenUp: true } };
  const last = recent.at(-1);
  const untilMs = last === undefined ? nowMs : last + FIRST_PAUSE_MS * 2 ** (recent.length - 1);
  if (untilMs > nowMs) return { kind: 'wait', untilMs, restarts: recent.length };
  return { kind: 'start', record: { ...record, atMs: [...recent, nowMs] } };
}

/** Whether what is remembered of a desktop that runs at `nowMs` can be forgotten. */
export function hasSettled({ atMs }: RestartRecord, nowMs: number): boolean {
  return atMs.every((at) => Math.abs(nowMs - at) >= MEMORY_MS);
}
