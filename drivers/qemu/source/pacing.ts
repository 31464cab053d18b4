// How fast pre-copy may run, as pure rules. A guest that dirties little lets QEMU begin thousands of rounds a second, each with a scan of
// all memory: a whole core for nothing while one waits for the switchover. Then a trickle is enough, and the cap again when more is left.
import type { MigrationInfo } from '../qmp/qmp-replies.js';

/** 64 KB/s: measured, an idle guest then costs a tenth of a core instead of a whole one. */
export const TRICKLE_BYTES_PER_SECOND = 65_536;
/** More rounds a second than this are empty ones. */
const IDLE_ROUNDS_PER_SECOND = 20;
/** What may gather at a trickle: this share of a second of the link, so that the switchover finds little to send. */
const GATHER_S = 0.1;

/** What `memoryProgress` saw at one time. */
export interface PaceSample {
  readonly atMs: number;
  readonly round: number;
  readonly remainingBytes: number;
}

/** Choose the limit of the stream, bytes a second, from two samples; `capBytesPerSecond` is the move's cap. */
export function choosePace(
  before: PaceSample | undefined,
  now: PaceSample,
  trickling: boolean,
  capBytesPerSecond: number,
): number {
  const trickle = Math.min(TRICKLE_BYTES_PER_SECOND, capBytesPerSecond);
  if (now.remainingBytes > capBytesPerSecond * GATHER_S) return capBytesPerSecond;
  if (trickling) return trickle;
  if (before === undefined || now.atMs <= before.atMs) return capBytesPerSecond;
  const roundsPerSecond = ((now.round - before.round) * 1000) / (now.atMs - before.atMs);
  return roundsPerSecond > IDLE_ROUNDS_PER_SECOND ? trickle : capBytesPerSecond;
}

/**
 * Estimate what the link carries, bytes a second: the greatest of what was `known`, the whole copy's average and the last moment's, at most
 * the cap. While nothing is known (a worker that restarted), the cap.
 */
export function linkBytesPerSecond(
  info: MigrationInfo,
  capBytesPerSecond: number,
  trickling: boolean,
  known: number | undefined,
): number {
  const { ram } = info;
  if (ram === undefined || (trickling && known === undefined)) return capBytesPerSecond;
  const seconds = (info['total-time'] ?? 0) / 1000;
  const average = seconds > 0 ? ram.transferred / seconds : 0;
  return Math.min(capBytesPerSecond, Math.max(known ?? 0, average, (ram.mbps * 1e6) / 8));
}
