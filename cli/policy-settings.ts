// The policy as KEY=VALUE settings: every leaf of the schema has a dotted key (`placement.highThreshold`), and its last part will do where
// only one leaf has it. Pure; all problems in one error.
import { z } from 'zod';
import { newNameOf } from '../domain/model/old-names.js';
import { Policy } from '../domain/model/policy.js';
import { usageError } from './failures.js';
import { plural } from './render/format.js';

/** Schemas of the leaves by dotted key. */
export function policyLeaves(): Map<string, z.ZodType> {
  const leaves = new Map<string, z.ZodType>();
  collect(Policy, [], leaves);
  return leaves;
}

function collect(schema: z.ZodType, path: readonly string[], into: Map<string, z.ZodType>): void {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject)
    for (const [key, child] of Object.entries<z.ZodType>(inner.shape)) collect(child, [...path, key], into);
  else into.set(path.join('.'), inner);
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional)
    inner = inner.unwrap() as z.ZodType;
  // What reads the names of releases before is one: settings are listed by their present names.
  return inner instanceof z.ZodPipe ? unwrap(inner.out as z.ZodType) : inner;
}

/** Make a partial policy of `KEY=VALUE` words; throws one usage error that lists every problem. */
export function parsePolicySettings(words: readonly string[]): Record<string, unknown> {
  const leaves = policyLeaves();
  const partial: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) {
      problems.push(`${word}: expected KEY=VALUE`);
      continue;
    }
    const key = resolveKey(word.slice(0, equals).split('.').map(newNameOf).join('.'), leaves);
    if (typeof key !== 'string') {
      problems.push(key.problem);
      continue;
    }
    const schema = leaves.get(key);
    const result = schema?.safeParse(readValue(word.slice(equals + 1), schema));
    if (result?.success === true) place(partial, key.split('.'), result.data);
    else problems.push(`${key}: ${result?.error.issues.map((i) => i.message).join('; ') ?? 'unknown'}`);
  }
  if (words.length === 0) problems.push('expected at least one KEY=VALUE, e.g. placement.highThreshold=0.5');
  if (problems.length > 0)
    throw usageError(
      `vmshadow policy set: ${plural(problems.length, 'problem')}\n${problems.map((p) => `  - ${p}`).join('\n')}\n\`vmshadow policy show\` lists all keys.`,
    );
  return partial;
}

function resolveKey(given: string, leaves: ReadonlyMap<string, z.ZodType>): string | { problem: string } {
  if (leaves.has(given)) return given;
  const matches = [...leaves.keys()].filter((key) => key.endsWith(`.${given}`));
  const [only] = matches;
  if (matches.length === 1 && only !== undefined) return only;
  return {
    problem:
      matches.length > 1 ? `${given}: may be ${matches.join(' or ')}` : `${given}: there is no such setting`,
  };
}

/** Lists are written with commas; numbers and booleans as in JSON; all else is text. */
function readValue(text: string, schema: z.ZodType): unknown {
  if (schema instanceof z.ZodArray && !text.startsWith('['))
    return text === '' ? [] : text.split(',').map((part) => readScalar(part.trim()));
  return readScalar(text);
}

function readScalar(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function place(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const child = (target[head] ?? {}) as Record<string, unknown>;
  target[head] = child;
  place(child, rest, value);
}

/** Every setting of a policy, in the order of the schema, as `[key, value]`. */
export function listSettings(policy: unknown): [string, string][] {
  return [...policyLeaves().keys()].map((key) => {
    let value: unknown = policy;
    for (const part of key.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    return [key, showValue(value)];
  });
}

function showValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(showValue).join(',');
  if (typeof value === 'string') return value;
  return value === undefined ? '-' : JSON.stringify(value);
}
