// What one run of a cell of the fault matrix recorded, as it lies in bench/results/faults.json.
import { z } from 'zod';
import { faults, phases } from './matrix.js';

const count = z.number().int().min(0);
const StreamEnd = z.object({
  /** Of the client: `answers` asks for each record, `feed` is sent them all the time. */
  kind: z.enum(['answers', 'feed']),
  /** Why the connection ended; null: it was up to the end. */
  lost: z.string().nullable(),
  /** Records lost, doubled, out of order or damaged, as seen by the user's end and by the guest. */
  errors: count,
  guestErrors: count,
  received: count,
  /** It carried records again at the end. */
  alive: z.boolean(),
});

export const Observed = z.object({
  phase: z.enum(phases),
  fault: z.enum(faults),
  atMs: z.number(),
  /** False: there was nothing in that phase that the fault could have hit. */
  applies: z.boolean(),
  /** What the records said when the fault was done: `source released 4, target none`. */
  hitAt: z.string(),
  /** It was done in its phase; a run that came too late does not count. */
  hit: z.boolean(),
  outcome: z.enum(['moved', 'cancelled', 'failed', 'terminated', 'running']),
  error: z.string().nullable(),
  /** Copies that sent packets, or were recorded as owned, at the same time. */
  mostRunning: count,
  /** The longest time after the fault in which no copy sent a packet, s. */
  stillS: z.number(),
  /** Processes that wanted a core of this machine at the end, a core (load average of a minute). */
  load: z.number().default(0),
  /** Who sent packets when, s from the fault on: host, from, to; what is apart by less than half a second is one. */
  sent: z.array(z.tuple([z.string(), z.number(), z.number()])).default([]),
  /** The guest booted again. */
  restarted: z.boolean(),
  /** Where the QEMU was that the fault killed. */
  killedAt: z.string().nullable(),
  owner: z.string().nullable(),
  copies: z.array(z.string()),
  /** The product's own comparison of the disks as of the switchover; null where there was none. */
  disksEqual: z.boolean().nullable(),
  /** By the guest: blocks on disk that are not what its memory says, writes that failed, memory that changed by itself. */
  guest: z.object({ badBlocks: count, diskErrors: count, memoryErrors: count }).nullable(),
  streams: z.array(StreamEnd),
  /** What was left behind at the end. */
  orphans: z.array(z.string()),
  /** What the reconcile schedule repaired. */
  repaired: z.array(z.string()),
  /** From the fault until the move had ended, the owner alone ran the desktop and nothing was left, s; null: not within the limit. */
  safeS: z.number().nullable(),
});
export type Observed = z.infer<typeof Observed>;
