// What the relays of a move have kept off the wire so far, by how: of the bytes that the hypervisor gave them, heads and TLS not counted.
import { z } from 'zod';

const bytes = z.number().min(0);
export const SavedBytes = z.object({
  /** Pages of zeros. */
  zero: bytes,
  /** Pages that the target had: of this move, or in its site cache. */
  known: bytes,
  /** What of pages that were sent before has not changed. */
  unchanged: bytes,
  /** zstd, of all else. */
  compressed: bytes,
});
export type SavedBytes = z.infer<typeof SavedBytes>;

const WORDS = {
  known: 'known there',
  unchanged: 'unchanged',
  compressed: 'compressed away',
  zero: 'zeros',
} satisfies Record<keyof SavedBytes, string>;
const HOWS = ['known', 'unchanged', 'compressed', 'zero'] as const;

export const savedInAll = (saved: SavedBytes): number => HOWS.reduce((sum, how) => sum + saved[how], 0);

/** `1.2 GB (900 MB known there, ...)`, the largest first; empty where nothing was saved. */
export function savedWords(saved: SavedBytes, words: (bytes: number) => string): string {
  const parts = HOWS.filter((how) => saved[how] > 0)
    .toSorted((a, b) => saved[b] - saved[a])
    .map((how) => `${words(saved[how])} ${WORDS[how]}`);
  return parts.length === 0 ? '' : `${words(savedInAll(saved))} (${parts.join(', ')})`;
}
