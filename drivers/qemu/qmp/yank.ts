// Cuts connections of a QEMU at once, out of band: works while the main loop waits for a peer that will never answer.
import { z } from 'zod';
import type { QmpClient } from './qmp-client.js';

const Instances = z.array(z.object({ type: z.string(), 'node-name': z.string().optional() }));
/** Out-of-band commands are answered by a thread of their own, in ms. */
const YANK_TIMEOUT_MS = 2_000;

/** Cut the connections of block nodes, the migration's, or both; what is not connected is left alone. */
export async function yank(
  qmp: QmpClient,
  what: { isNode?: (name: string) => boolean; migration?: boolean },
): Promise<void> {
  const options = { timeoutMs: YANK_TIMEOUT_MS };
  const all = Instances.parse(await qmp.executeOob('query-yank', undefined, options));
  const instances = all.filter((i) =>
    i.type === 'block-node'
      ? what.isNode?.(i['node-name'] ?? '') === true
      : i.type === 'migration' && what.migration === true,
  );
  if (instances.length > 0) await qmp.executeOob('yank', { instances }, options);
}
