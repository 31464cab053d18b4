// `vmshadow plan`: what the loop would do now, without doing it; or the plan of a file, without a cloud. It may be saved, and compared with
// one that was saved before.
import { z } from 'zod';
import { DOCUMENT_VERSION } from '../../domain/placement/life/document.js';
import { diffPlans, type PlanOfCloud } from '../../domain/placement/life/diff.js';
import { PoolId } from '../../domain/model/ids.js';
import { PlacementPolicy } from '../../domain/model/policy.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { numeric, integer, parseArguments, poolOptions, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { planPlace, readSavedPlan, savePlan, snapshotOfStatus } from '../plan-document.js';
import { renderFilePlan } from '../render/plan-file.js';
import { renderPlanDiff } from '../render/plan-life.js';
import { withLoop } from '../with-loop.js';

const file = z.string().min(1, 'expected a file');

const Options = z.object({
  ...poolOptions,
  input: file.optional(),
  out: file.optional(),
  diff: z.array(file).max(2, 'expected one saved plan, or two').optional(),
  algorithm: PlacementPolicy.out.shape.algorithm.unwrap().optional(),
  budgetGb: numeric.pipe(z.number().min(0)).optional(),
  maxMoves: integer.pipe(z.number().int().min(0)).optional(),
});
type Options = z.infer<typeof Options>;

/** Run `vmshadow plan`. */
export async function planCommand(context: CliContext, raw: unknown): Promise<void> {
  const options = parseArguments(Options, raw, 'plan');
  const { json, out, diff = [] } = options;
  // Before a plan is made, which may take long.
  const saved = await Promise.all(diff.map(readSavedPlan));
  const [before, other] = saved;
  if (other !== undefined && (out !== undefined || options.input !== undefined))
    throw usageError(
      'plan',
      'vmshadow plan --diff with two saved plans makes none: it takes no --input and no --out',
    );
  const place = out === undefined ? null : await planPlace(out);
  const now = other ?? (await makePlan(options));
  if (place !== null) await savePlan(place, documentOf(now, options));
  const { plan } = now;
  if (before === undefined)
    context.out(json ? JSON.stringify(plan, null, 2) : renderFilePlan(plan).trimEnd());
  else {
    const difference = diffPlans(before, now);
    context.out(json ? JSON.stringify(difference, null, 2) : renderPlanDiff(difference, before.madeAtMs));
  }
  if (out !== undefined)
    context.note(
      options.input === undefined
        ? `Saved in ${out}. \`vmshadow apply ${out}\` makes its moves.`
        : `Saved in ${out}. \`vmshadow plan --diff ${out}\` compares it.`,
    );
}

async function makePlan({
  pool,
  input,
  algorithm,
  budgetGb: budgetGB,
  maxMoves,
}: Options): Promise<PlanOfCloud> {
  const wishes = { algorithm, budgetGB, maxMoves };
  if (input !== undefined) return (await import('./plan-file.js')).planFromFile(input, wishes);
  return withLoop(pool, async (loop) => {
    const plan = await loop.update(LOOP.makePlan, wishes);
    // Of the same reports, as far as nothing has come since.
    const [status, policy] = [await loop.wholeStatus(), await loop.policy()];
    const set = Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
    return { plan, cloud: snapshotOfStatus(status, { ...policy.placement, ...set }) };
  });
}

function documentOf({ plan, cloud }: PlanOfCloud, { pool, input }: Options) {
  const of = input === undefined ? PoolId.parse(pool) : null;
  return { vmshadowPlan: DOCUMENT_VERSION, madeAtMs: Date.now(), pool: of, cloud, plan } as const;
}
