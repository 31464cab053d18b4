// `npm run bench -- relay [--mib=N] [--memoryMiB=N] [--stream=FILE] [--only=WORD]`: what the WAN relay does with a second of a core, at each end, by kind of page
// and for the memory of a real desktop; and where that second goes. Two relay processes on this machine, TLS between them. Needs
// `npm run build` and, for the desktop, `npm run setup`; `--stream` keeps (or reuses) the desktop's recorded stream.
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { desktopImage } from '../lab/images/locate.js';
import { SiteCache } from '../transfer/cache/site-cache.js';
import { PAGE_BYTES, hashOf, isZero } from '../transfer/stream/pages.js';
import type { BenchResult } from './bench-result.js';
import { recordDesktop } from './relay/desktop-stream.js';
import { kindsOf, warmUp } from './relay/kinds.js';
import { profileOptions, readProfile, type Share } from './relay/profile.js';
import { ENDS, RelayBench, type End, type Played } from './relay/two-relays.js';

export const Options = z.strictObject({
  /** Of each kind of page. */
  mib: z.coerce.number().int().min(8).max(256).default(128),
  /** Of the desktop. */
  memoryMiB: z.coerce.number().int().min(128).default(256),
  stream: z.string().optional(),
  /** Measure the cases alone in whose names this is, and write nothing. */
  only: z.string().default(''),
});

/** The target's gigabit of a desktop's memory a core, in bytes. */
const TARGET_BYTES_PER_SECOND = 1e9 / 8;
const PIECE_BYTES = 2 ** 20;
const FUNCTIONS = 8;
const WARM_UP_PAGES = 2_048;
const MIB = 2 ** 20;

interface Row extends Played {
  readonly name: string;
  readonly profile: Readonly<Record<End, readonly Share[]>>;
}

interface Case {
  readonly name: string;
  readonly parts: () => readonly (readonly Buffer[])[];
  /** Whether the hosts have seen the same stream before. */
  readonly before: boolean;
  /** Puts into the target's cache what was there before. */
  readonly seed?: (folder: string) => Promise<void>;
}

/** Measure each kind and the desktop, then each once more with the profiler. */
export async function run({ mib, memoryMiB, stream, only }: z.infer<typeof Options>): Promise<BenchResult> {
  const scratch = await mkdtemp(join(tmpdir(), 'vmsrelaybench-'));
  const bench = await RelayBench.make();
  try {
    const file = stream ?? join(scratch, 'desktop.stream');
    await recordDesktop(file, memoryMiB);
    const pieces: Buffer[] = [];
    for await (const piece of piecesOf(file)) pieces.push(piece);
    const desktop = { parts: () => [pieces], before: false };
    const cases: Case[] = [
      ...kindsOf((mib * MIB) / PAGE_BYTES),
      { ...desktop, name: 'desktop, nothing known' },
      { ...desktop, name: 'desktop, its disk known', seed: seedWithDisk },
      { ...desktop, name: 'desktop, a second time', before: true, seed: seedWithDisk },
    ];
    const rows: Row[] = [];
    for (const one of cases.filter(({ name }) => name.includes(only))) {
      const row = await measure(bench, one, scratch);
      console.log(`${row.name}: ${lineOf(row).join(' | ')}`);
      rows.push(row);
    }
    return { ...resultOf(rows), forTheRecord: only === '' };
  } finally {
    await bench.remove();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function measure(bench: RelayBench, one: Case, scratch: string): Promise<Row> {
  const stream = one.parts();
  const played = await playOnce(bench, one, stream, () => []);
  const folders = { source: await mkdtemp(join(scratch, 'p')), target: await mkdtemp(join(scratch, 'p')) };
  await playOnce(bench, one, stream, (end) => profileOptions(folders[end]));
  const profile = {
    source: await readProfile(folders.source, FUNCTIONS),
    target: await readProfile(folders.target, FUNCTIONS),
  };
  return { ...played, name: one.name, profile };
}

async function playOnce(
  bench: RelayBench,
  { before, seed }: Case,
  parts: readonly (readonly Buffer[])[],
  nodeOptions: (end: End) => readonly string[],
): Promise<Played> {
  await bench.forget();
  if (before) {
    const relays = await bench.start();
    await relays.play(parts);
    await relays.stop();
  }
  await seed?.(bench.cacheOf('target'));
  const relays = await bench.start(nodeOptions);
  try {
    // A move is long: what it costs to compile the program is not its rate.
    await relays.play([warmUp(WARM_UP_PAGES)]);
    const played = await relays.play(parts);
    return played.at(-1)!;
  } finally {
    await relays.stop();
  }
}

/** As after the disk of a move: the target's cache has its pages. */
async function seedWithDisk(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const cache = new SiteCache({ folder, limitBytes: 2 ** 32 });
  try {
    for await (const piece of piecesOf(desktopImage().disk))
      for (let at = 0; at + PAGE_BYTES <= piece.length; at += PAGE_BYTES) {
        const page = piece.subarray(at, at + PAGE_BYTES);
        if (!isZero(page)) cache.put(hashOf(page), page);
      }
  } finally {
    cache.close();
  }
}

/** A file in pieces, each in a buffer of its own. */
async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      const piece = Buffer.alloc(PIECE_BYTES);
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Bytes of the guest's memory that a part stands for: a page of zeros is a record of nine bytes. */
const memoryBytes = ({ bytes, sent: { raw } }: Played): number =>
  bytes + (raw.zero / 9) * (PAGE_BYTES + 8 - 9);

const MB = 1e6;
/** Of a desktop the zeros are left out: it has as many as it has free memory. */
const counted = (row: Row): number => (row.name === 'zero' ? memoryBytes(row) : row.bytes);
const perCore = (row: Row, end: End): number => counted(row) / row.cpu[end];

function lineOf(row: Row): string[] {
  return [
    row.name,
    (memoryBytes(row) / MB).toFixed(0),
    (row.bytes / MB).toFixed(1),
    ...ENDS.map((end) => (perCore(row, end) / MB).toFixed(0)),
    ((Math.min(...ENDS.map((end) => perCore(row, end))) * 8) / 1e9).toFixed(2),
    (row.sent.wireBytes / row.bytes).toFixed(3),
  ];
}

function resultOf(rows: readonly Row[]): BenchResult {
  const desktop = rows.find((row) => row.name === 'desktop, its disk known');
  const slower = desktop === undefined ? Number.NaN : Math.min(...ENDS.map((end) => perCore(desktop, end)));
  const head =
    '| pages | memory, MB | as QEMU sends it, MB | MB/s a core, source | MB/s a core, target | Gbit/s a core, slower end | bytes on the wire, of what QEMU sends |';
  const profiles = rows.flatMap((row) =>
    ENDS.map(
      (end) =>
        `| ${row.name} | ${end} | ${row.profile[end].map(({ name, share }) => `${name} ${(share * 100).toFixed(0)} %`).join(', ')} |`,
    ),
  );
  return {
    targets: [
      {
        name: "a desktop's memory a core, TLS included, the slower end",
        target: `>= ${((TARGET_BYTES_PER_SECOND * 8) / 1e9).toFixed(0)} Gbit/s`,
        measured: `${((slower * 8) / 1e9).toFixed(2)} Gbit/s`,
        met: slower >= TARGET_BYTES_PER_SECOND,
      },
    ],
    table: [
      head,
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows.map((row) => `| ${lineOf(row).join(' | ')} |`),
      '',
      'Rates are of what QEMU sends, in which a page of zeros is nine bytes; of zero pages alone, of the memory. Of the time that a relay worked, by function (its first functions, by V8):',
      '',
      '| pages | end | functions |',
      '| --- | --- | --- |',
      ...profiles,
      '',
    ].join('\n'),
    raw: rows,
  };
}
