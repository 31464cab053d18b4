// Starts a desktop at its owner, whoever wants it: its memory is claimed, its tap and rules are there before its first packet.
import { VmshadowError } from '../../domain/errors.js';
import { hostKey } from '../../domain/model/ids.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import type { HostContext } from './host-context.js';

/** Start a desktop that this host owns, under its lock. Throws NOT_OWNER, NO_CAPACITY where memory is short, and what the ports throw. */
export async function startHere(ctx: HostContext, definition: DesktopDefinition): Promise<void> {
  await ctx.capacityGate.starting(definition, async () => {
    await ctx.network.attach(definition);
    await ctx.network.activate(definition);
    const record = await ctx.ownership.get(definition.id);
    if (record?.state !== 'owner')
      throw new VmshadowError(
        'NOT_OWNER',
        `desktop ${definition.id} does not belong to ${hostKey(ctx.self)} any more: it is not started here`,
      );
    await ctx.hypervisor.start(definition.id);
  });
}
