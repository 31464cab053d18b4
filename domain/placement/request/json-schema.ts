// The JSON Schema of the plan's input file, made from the zod schema that checks it.
import { z } from 'zod';
import { PlanInput } from './model.js';

/** The schema that docs/schemas/plan-input.schema.json holds. */
export function planInputSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(PlanInput, { io: 'input', target: 'draft-2020-12' });
  return {
    title: 'Input of `vmshadow plan --input`',
    description:
      'Sites, desktops and policy. Beyond this schema: ids are unique, named sites and hosts exist, and no site or host holds more than its capacity.',
    ...schema,
  };
}
