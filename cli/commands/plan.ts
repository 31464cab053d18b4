// `vmshadow plan`: what the loop would do now, without doing it; or the plan of a file, without a cloud.
import { z } from 'zod';
import { PlacementPolicy } from '../../domain/model/policy.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { numeric, integer, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';
import { renderFilePlan } from '../render/plan-file.js';

const Options = z.object({
  ...poolOptions,
  input: z.string().min(1, 'expected a file').optional(),
  algorithm: PlacementPolicy.out.shape.algorithm.unwrap().optional(),
  budgetGb: numeric.pipe(z.number().min(0)).optional(),
  maxMoves: integer.pipe(z.number().int().min(0)).optional(),
});

/** Run `vmshadow plan`. */
export async function planCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, input, algorithm, budgetGb: budgetGB, maxMoves } = parseArguments(Options, raw, 'plan');
  const wishes = { algorithm, budgetGB, maxMoves };
  if (input !== undefined) {
    const { planFromFile } = await import('./plan-file.js');
    context.out((await planFromFile(input, { ...wishes, json })).trimEnd());
    return;
  }
  const plan = await withLoop(pool, (loop) => loop.update(LOOP.makePlan, wishes));
  context.out(json ? JSON.stringify(plan, null, 2) : renderFilePlan(plan).trimEnd());
}
