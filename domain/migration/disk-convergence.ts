// When does the background copy of the disk stop chasing the guest's writes? As soon as nearly all that it carries was dirtied meanwhile:
// then synchronous writes, which dirty nothing any more, let it end. The rule knows no sizes: a large disk on a slow link is no chase.

export interface DiskChase {
  /** What was left, and carried in all, when the window began; bytes. */
  readonly remainingBytes: number;
  readonly doneBytes: number;
  readonly sinceMs: number;
}

/** Rates vary from second to second; ten of them are a rhythm. */
const WINDOW_MS = 10_000;
/** A tenth of what was carried must have been a step forward. */
const WORTH = 0.1;

/** Take one look at the copy; `chasing` when it only follows the guest's writes. A copy that carries nothing waits for its link. */
export function lookAtDisk(
  before: DiskChase | null,
  remainingBytes: number,
  doneBytes: number,
  nowMs: number,
): { chase: DiskChase; chasing: boolean } {
  const now = { remainingBytes, doneBytes, sinceMs: nowMs };
  // Until the first bytes are carried the hypervisor may still be counting what there is to carry: no beginning of a window.
  if (before === null || before.doneBytes === 0) return { chase: now, chasing: false };
  if (nowMs - before.sinceMs < WINDOW_MS) return { chase: before, chasing: false };
  const carried = doneBytes - before.doneBytes;
  const forward = before.remainingBytes - remainingBytes;
  return { chase: now, chasing: carried > 0 && forward < carried * WORTH };
}
