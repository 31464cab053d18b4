// `vmshadow pause` and `unpause`: whether the loop starts moves of its own.
import { z } from 'zod';
import { LOOP } from '../../temporal/contract/loop.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';

const Options = z.object(poolOptions);

/** Run `vmshadow pause` or `vmshadow unpause`. */
export async function pauseCommand(
  context: CliContext,
  action: 'pause' | 'unpause',
  raw: unknown,
): Promise<void> {
  const { pool, json } = parseArguments(Options, raw, action);
  const now = await withLoop(pool, (loop) => loop.update(LOOP[action], undefined));
  context.out(json ? JSON.stringify(now, null, 2) : said(now));
}

function said({ sinceMs, changed }: { sinceMs: number | null; changed: boolean }): string {
  if (sinceMs === null) return changed ? 'The loop starts moves again.' : 'The loop was not paused.';
  const since = new Date(sinceMs).toISOString();
  return changed
    ? 'The loop starts no moves of its own any more, drains included. What is under way goes on; `vmshadow move` still moves. `vmshadow unpause` ends it.'
    : `The loop has been paused since ${since}. \`vmshadow unpause\` ends it.`;
}
