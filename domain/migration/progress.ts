// How far a move is: one percentage over disk + memory, rate and time left. Memory that is dirtied again does not push it back.
import type { Phase } from './phases.js';

export interface MoveProgress {
  readonly diskDoneBytes: number;
  readonly diskTotalBytes: number;
  readonly memoryDoneBytes: number;
  readonly memoryTotalBytes: number;
  readonly bytesPerSecond: number;
  readonly round: number;
}

export const NO_PROGRESS: MoveProgress = {
  diskDoneBytes: 0,
  diskTotalBytes: 0,
  memoryDoneBytes: 0,
  memoryTotalBytes: 0,
  bytesPerSecond: 0,
  round: 0,
};

const clamp = (n: number) => Math.min(1, Math.max(0, n));

/** 0..100 over disk + memory bytes; 100 only when the phase says that all is done. */
export function percentDone(progress: MoveProgress, phase: Phase): number {
  if (phase === 'cleanup') return 100;
  const total = progress.diskTotalBytes + progress.memoryTotalBytes;
  if (total <= 0) return 0;
  const done =
    Math.min(progress.diskDoneBytes, progress.diskTotalBytes) +
    Math.min(progress.memoryDoneBytes, progress.memoryTotalBytes);
  return Math.min(99, Math.floor(clamp(done / total) * 100));
}

/** Milliseconds left at the present rate; null while nothing moves. */
export function etaMs(progress: MoveProgress): number | null {
  if (progress.bytesPerSecond <= 0) return null;
  const rest =
    Math.max(0, progress.diskTotalBytes - progress.diskDoneBytes) +
    Math.max(0, progress.memoryTotalBytes - progress.memoryDoneBytes);
  return Math.round((rest / progress.bytesPerSecond) * 1000);
}
