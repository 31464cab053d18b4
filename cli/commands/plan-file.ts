// `vmshadow plan --input FILE`: a plan without a cloud. Reads, plans, renders; what it prints goes through the caller.
import { readFile } from 'node:fs/promises';
import { planWithHighs } from '../../drivers/solver/plan-with-highs.js';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { withNewNames } from '../../domain/model/old-names.js';
import type { Algorithm, PlanRequest, PlanResult } from '../../domain/placement/request/model.js';
import { renderFilePlan } from '../render/plan-file.js';

export interface PlanFileOptions {
  readonly algorithm?: Algorithm | undefined;
  readonly budgetGB?: number | undefined;
  readonly maxMoves?: number | undefined;
  readonly json: boolean;
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new VmshadowError(
      'INPUT_INVALID',
      `${path}: cannot be read (${messageOf(cause)}); expected a plan input in JSON, see docs/placement.md`,
      { cause },
    );
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const hint = /\b(NaN|Infinity)\b/.test(text)
      ? '; NaN and Infinity are no JSON: leave out a round-trip time that is not known'
      : '';
    throw new VmshadowError('INPUT_INVALID', `${path}: not valid JSON (${messageOf(cause)})${hint}`, {
      cause,
    });
  }
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

/** Plan from a file and give the table or the JSON to print; throws INPUT_INVALID that lists every problem of the file. */
export async function planFromFile(path: string, options: PlanFileOptions): Promise<string> {
  const request = withOptions(await readJson(path), options) as PlanRequest;
  const plan: PlanResult = await planWithHighs(request, { what: path, strict: true });
  return options.json ? `${JSON.stringify(plan, null, 2)}\n` : renderFilePlan(plan);
}
