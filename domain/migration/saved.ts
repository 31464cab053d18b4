// What the relays of a move have saved, in words. The page of `vmshadow web` shows it: no schema here, since zod is four times all else of that page.
import type { SavedBytes } from './saved-bytes.js';

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
