// `vmshadow history DESKTOP`: its moves with times, phases, reasons, failures, and what they were to give and gave.
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';
import { integer, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { renderHistory } from '../render/history.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({
  ...poolOptions,
  desktop: DesktopId,
  limit: integer.pipe(z.number().int().min(1).max(1_000)).default(20),
});

/** Run `vmshadow history DESKTOP`. */
export async function historyCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop, limit } = parseArguments(Options, raw, 'history', ['desktop']);
  const moves = await withLoop(pool, (loop) => loop.history(desktop, limit));
  context.out(json ? JSON.stringify({ desktop, moves }, null, 2) : renderHistory(desktop, moves));
}
