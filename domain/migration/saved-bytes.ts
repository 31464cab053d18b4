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
