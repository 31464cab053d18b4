// `vmshadow plan --input FILE`: a plan without a control plane.
import { planWithHighs } from '../../drivers/solver/plan-with-highs.js';
import { withNewNames } from '../../domain/model/old-names.js';
import type { PlanOfCloud } from '../../domain/placement/life/diff.js';
import { snapshotOfInput } from '../../domain/placement/life/snapshot.js';
import { parsePlanInput } from '../../domain/placement/request/check-input.js';
import type { Algorithm, PlanRequest } from '../../domain/placement/request/model.js';
import { readJson } from '../plan-document.js';

export interface PlanFileOptions {
  readonly algorithm?: Algorithm | undefined;
  readonly budgetGB?: number | undefined;
  readonly maxMoves?: number | undefined;
}

/** Options of the command line go before the file's policy. What is no object is left for the schema to refuse. */
function withOptions(value: unknown, options: PlanFileOptions): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const policy: unknown = 'policy' in value ? value.policy : undefined;
  if (policy !== undefined && (typeof policy !== 'object' || policy === null || Array.isArray(policy)))
    return value;
  const { algorithm, budgetGB, maxMoves } = options;
  return {
    ...value,
    policy: {
      ...withNewNames(policy),
      ...(algorithm === undefined ? {} : { algorithm }),
      ...(budgetGB === undefined ? {} : { budgetGB }),
      ...(maxMoves === undefined ? {} : { maxMoves }),
    },
  };
}

/** Plan from a file; throws INPUT_INVALID that lists every problem of the file. Gives the plan with the cloud that it is of. */
export async function planFromFile(path: string, options: PlanFileOptions): Promise<PlanOfCloud> {
  const value = await readJson(path, 'expected a plan input in JSON, see docs/placement.md');
  const request = withOptions(value, options) as PlanRequest;
  const plan = await planWithHighs(request, { what: path, strict: true });
  return { plan, cloud: snapshotOfInput(parsePlanInput(request, path, true).input) };
}
