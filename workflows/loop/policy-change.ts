// A change of the policy in force: a part of a policy, checked as the whole that comes of it.
import { withNewNames } from '../../domain/model/old-names.js';
import { invalidInput, problemsOf } from '../../domain/model/parse.js';
import { Policy } from '../../domain/model/policy.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { PolicyChange } from '../../temporal/contract/requests.js';
import type { LoopState } from './loop-state.js';

/** Merge a partial policy into the one in force; throws INPUT_INVALID with every problem before anything changes. */
export function setPolicy(state: LoopState, change: PolicyChange): Policy {
  const wanted = withNewNames(change);
  const { data, error } = Policy.safeParse(merge(state.policy, wanted));
  const problems = [
    ...unknownSettings(state.policy, wanted).map((key) => `${key}: there is no such setting`),
    ...(error === undefined ? [] : problemsOf(error)),
  ];
  if (data === undefined || problems.length > 0) throw invalidInput(LOOP.setPolicy.name, problems);
  state.policy = data;
  return data;
}

/** Objects are merged key by key; anything else is replaced. */
function merge(base: unknown, part: unknown): unknown {
  if (!isRecord(base) || !isRecord(part)) return part;
  const keys = new Set([...Object.keys(base), ...Object.keys(part)]);
  return Object.fromEntries([...keys].map((k) => [k, k in part ? merge(base[k], part[k]) : base[k]]));
}

/** The dotted keys of a change that the policy does not have: most often misspelt ones, which would be without effect. */
function unknownSettings(policy: unknown, change: unknown, path = ''): string[] {
  if (!isRecord(policy) || !isRecord(change)) return [];
  return Object.entries(change).flatMap(([key, value]) =>
    key in policy ? unknownSettings(policy[key], value, `${path}${key}.`) : [`${path}${key}`],
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
