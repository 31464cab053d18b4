// The cells of the migration bench: which moves there are, what has been measured of each, and the table beside the paper's.
import { z } from 'zod';
import { percentile } from '../../lab/demo/percentiles.js';
import type { BenchResult } from '../bench-result.js';
import { Moved, type Sent } from './move.js';
import type { DesktopSize } from './disk.js';

/** The paper's desktop had 1 GB of memory and 1.1 to 1.3 of 2 GB of disk used; the small one takes a minute. */
export const SIZES: Readonly<Record<'small' | 'paper', DesktopSize>> = {
  small: { memoryMiB: 256, diskMiB: 576, usedMiB: 160, ownMiB: 2 },
  paper: { memoryMiB: 1_024, diskMiB: 2_048, usedMiB: 1_100, ownMiB: 16 },
};

/** The moves of a series, in their order. */
export const CELLS = { direct: ['direct'], relay: ['cold', 'back', 'warm'] } as const;

const KeptMove = Moved.extend({
  cell: z.enum(['direct', 'cold', 'back', 'warm']),
  size: z.enum(['small', 'paper']),
  at: z.string(),
});
export type KeptMove = z.infer<typeof KeptMove>;
export const Kept = z.array(KeptMove);

const WORDS: Readonly<Record<KeptMove['cell'], string>> = {
  direct: "QEMU's own: mirror, pre-copy with xbzrle, TLS",
  cold: 'relay, the target knows nothing',
  back: 'relay, back to where it came from',
  warm: 'relay, a desktop of the same image has been there',
};
/** Targets of a move by the relay: seconds, and bytes as a share of QEMU's own. */
const TARGETS = { cold: { seconds: 65, share: 0.28 }, warm: { seconds: 10, share: 0.03 } } as const;
const PAPER = '| the paper, Table 4 (its own testbed) | - | 1,360 | 560 | - | - | - | 265 | 2,480 | - | - |';

/** Medians of the runs of each cell. */
export function migrationResult(kept: readonly KeptMove[]): BenchResult {
  const sizes = (['small', 'paper'] as const).filter((size) => kept.some((m) => m.size === size));
  const largest = sizes.at(-1);
  const median = (moves: readonly KeptMove[], of: (m: KeptMove) => number): number =>
    percentile(moves.map(of), 0.5) ?? Number.NaN;
  const bytes = (m: KeptMove): number => m.diskBytes + m.memoryBytes;
  const movesOf = (size: KeptMove['size'], cell: KeptMove['cell']): KeptMove[] =>
    kept.filter((m) => m.size === size && m.cell === cell);
  const rowOf = (size: KeptMove['size'], cell: KeptMove['cell']): string[] => {
    const moves = movesOf(size, cell);
    if (moves.length === 0) return [];
    const mb = (of: (m: KeptMove) => number): string => (median(moves, of) / 1e6).toFixed(1);
    const seconds = (of: (m: KeptMove) => number): string => (median(moves, of) / 1e3).toFixed(1);
    const gigabytes = (SIZES[size].memoryMiB + SIZES[size].usedMiB) * (2 ** 20 / 1e9);
    return [
      `| ${[
        `${WORDS[cell]} (${size})`,
        moves.length,
        mb((m) => m.diskBytes),
        mb((m) => m.memoryBytes),
        seconds((m) => m.diskMs),
        seconds((m) => m.memoryMs),
        seconds((m) => m.switchoverMs),
        seconds((m) => m.totalMs),
        median(moves, (m) => m.pauseMs).toFixed(0),
        median(moves, (m) => m.rounds).toFixed(0),
        (median(moves, (m) => m.cpuSeconds) / gigabytes).toFixed(1),
      ].join(' | ')} |`,
    ];
  };
  const targetsOf = (cell: keyof typeof TARGETS, size: KeptMove['size']): BenchResult['targets'] => {
    const [moves, plain] = [movesOf(size, cell), movesOf(size, 'direct')];
    const [seconds, share] = [
      median(moves, (m) => m.totalMs) / 1e3,
      median(moves, bytes) / median(plain, bytes),
    ];
    const { seconds: mostSeconds, share: mostShare } = TARGETS[cell];
    return [
      {
        name: `${WORDS[cell]} (${size}): time`,
        target: `<= ${String(mostSeconds)} s`,
        measured: Number.isNaN(seconds) ? 'not measured' : `${seconds.toFixed(1)} s`,
        met: seconds <= mostSeconds,
      },
      {
        name: `${WORDS[cell]} (${size}): bytes, of QEMU's own`,
        target: `<= ${String(mostShare)}`,
        measured: Number.isNaN(share) ? 'not measured' : share.toFixed(3),
        met: share <= mostShare,
      },
    ];
  };
  return {
    targets: largest === undefined ? [] : [...targetsOf('cold', largest), ...targetsOf('warm', largest)],
    table: [
      '| move | runs | disk, MB | memory, MB | disk, s | memory, s | switchover, s | in all, s | pause, ms | rounds | CPU s a GB of the desktop |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      PAPER,
      ...sizes.flatMap((size) =>
        (['direct', 'cold', 'back', 'warm'] as const).flatMap((cell) => rowOf(size, cell)),
      ),
      '',
      'What the relays were given, and what of it they sent (MB, medians):',
      '',
      '| move | stream | zeros | known there | differences | whole pages | the rest |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...sizes.flatMap((size) =>
        CELLS.relay.flatMap((cell) => howRows(`${WORDS[cell]} (${size})`, movesOf(size, cell))),
      ),
      '',
    ].join('\n'),
    raw: kept,
  };
}

/** How the streams of such moves went: given -> sent. */
function howRows(name: string, moves: readonly KeptMove[]): string[] {
  const sent = moves.flatMap((m) => (m.sent === null ? [] : [m.sent]));
  if (sent.length === 0) return [];
  return (['disk', 'memory'] as const).map((stream) => {
    const mb = (of: (s: Sent) => number): string =>
      (
        (percentile(
          sent.map((s) => of(s[stream])),
          0.5,
        ) ?? 0) / 1e6
      ).toFixed(1);
    const how = (kind: 'reference' | 'difference' | 'page' | 'literal'): string =>
      `${mb((s) => s.raw[kind])} -> ${mb((s) => s.stored[kind])}`;
    return `| ${[name, stream, mb((s) => s.raw.zero), how('reference'), how('difference'), how('page'), how('literal')].join(' | ')} |`;
  });
}
