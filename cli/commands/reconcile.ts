// `vmshadow reconcile`: look for what ended moves and lost hosts have left, clear what is safe, and say what needs a person.
import { z } from 'zod';
import type { ReconcileItem, ReconcileResult } from '../../temporal/contract/reconcile.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({ ...poolOptions, dryRun: z.boolean().default(false) });

/** Run `vmshadow reconcile`; 1 where something is left that needs a person, or a repair failed. */
export async function reconcileCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { pool, json, dryRun } = parseArguments(Options, raw, 'reconcile');
  const result = await withLoop(pool, (loop) => loop.reconcile(dryRun));
  context.out(json ? JSON.stringify(result, null, 2) : renderReconciled(result));
  return result.items.some((i) => i.outcome === 'failed' || i.person !== null) ? EXIT.refused : EXIT.ok;
}

const HEADS: readonly [string, (item: ReconcileItem) => boolean][] = [
  ['NEEDS A PERSON', (i) => i.person !== null],
  ['REPAIRED', (i) => i.outcome === 'repaired'],
  ['COULD NOT BE REPAIRED (tried again by the next run)', (i) => i.outcome === 'failed'],
  ['WOULD BE REPAIRED', (i) => i.outcome === 'found' && i.repair !== null],
  ['WAITS', (i) => i.outcome === 'found' && i.repair === null && i.person === null],
];

/** Say in plain words what was found and what was done about it. */
export function renderReconciled({ items, moving, dryRun }: ReconcileResult): string {
  const parts = HEADS.flatMap(([head, isOf]) => {
    const lines = items
      .filter(isOf)
      .flatMap((i) => [
        `  ${i.words}`,
        ...(i.person === null ? [] : [`    -> ${i.person}`]),
        ...(i.error === null ? [] : [`    ${i.error}`]),
      ]);
    return lines.length === 0 ? [] : [head, ...lines];
  });
  const moves = moving.length === 0 ? [] : [`left alone, in a move: ${moving.join(', ')}`];
  const nothing = items.length > 0 ? [] : ['nothing is left over'];
  const dry = dryRun && items.length > 0 ? ['(a dry run: nothing was changed)'] : [];
  return [...nothing, ...parts, ...moves, ...dry].join('\n');
}
