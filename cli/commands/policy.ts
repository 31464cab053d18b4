// `vmshadow policy show` and `vmshadow policy set KEY=VALUE ...`: an update of the loop, in force from its next cycle.
import { z } from 'zod';
import type { Policy } from '../../domain/model/policy.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';
import { listSettings, parsePolicySettings } from '../policy-settings.js';
import { renderTable } from '../render/table.js';

const Show = z.object(poolOptions);
const Set = z.object({ ...poolOptions, settings: z.array(z.string()) });

/** Run `vmshadow policy show`. */
export async function showPolicyCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json } = parseArguments(Show, raw, 'policy show');
  print(context, await withLoop(pool, (loop) => loop.policy()), json);
}

/** Run `vmshadow policy set KEY=VALUE ...`. */
export async function setPolicyCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, settings } = parseArguments(Set, raw, 'policy set', ['settings']);
  const change = parsePolicySettings(settings);
  print(context, await withLoop(pool, (loop) => loop.update(LOOP.setPolicy, change)), json);
}

function print(context: CliContext, policy: Policy, json: boolean): void {
  context.out(
    json
      ? JSON.stringify(policy, null, 2)
      : renderTable([{ head: 'setting' }, { head: 'value' }], listSettings(policy)),
  );
}
