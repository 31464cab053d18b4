// `npm run bench -- book`: writes docs/evaluation.md, the paper's tables and figures beside ours, from what is in bench/results. Seconds.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { BenchResult } from './bench-result.js';
import type { Recorded } from './book/chapter.js';
import { CHAPTERS } from './book/entries.js';
import { bookPage } from './book/page.js';

const File = z.object({
  at: z.string(),
  machine: z.object({ cores: z.number(), node: z.string() }),
  raw: z.unknown(),
});

/** A bench's results; null where it was not run, or by a release that recorded it otherwise. */
function resultsOf(name: string): Recorded | null {
  try {
    const text = readFileSync(new URL(`results/${name}.json`, import.meta.url), 'utf8');
    return File.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Write the book. */
export async function run(): Promise<BenchResult> {
  await writeFile(new URL('../docs/evaluation.md', import.meta.url), bookPage(CHAPTERS, resultsOf));
  const missing = CHAPTERS.filter(({ bench }) => resultsOf(bench) === null);
  return {
    targets: [],
    table: `docs/evaluation.md: ${String(CHAPTERS.length)} chapters, ${String(missing.length)} without results: ${missing.map((c) => c.title.split(':')[0]).join(', ')}`,
    raw: null,
    forTheRecord: false,
  };
}
