// `vmshadow desktop list|start|stop`.
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { DesktopStatus } from '../../temporal/contract/status.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { parseFilters } from '../filters.js';
import { withLoop } from '../with-loop.js';
import { renderDesktops } from '../render/status.js';

const List = z.object({ ...poolOptions, filters: z.array(z.string()).default([]) });

/** Run `vmshadow desktop list [FIELD:VALUE ...]`. */
export async function listCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, filters } = parseArguments(List, raw, 'desktop list', ['filters']);
  const isWanted = parseFilters(filters, 'desktop list');
  const desktops: readonly DesktopStatus[] = await withLoop(pool, async (loop) =>
    (await loop.wholeStatus()).desktops.filter(isWanted),
  );
  context.out(json ? JSON.stringify(desktops, null, 2) : renderDesktops(desktops, Date.now()));
}

const Power = z.object({ ...poolOptions, desktop: DesktopId });

/** Run `vmshadow desktop start ID` or `vmshadow desktop stop ID`. */
export async function powerCommand(
  context: CliContext,
  action: 'start' | 'stop',
  raw: unknown,
): Promise<void> {
  const { pool, json, desktop } = parseArguments(Power, raw, `desktop ${action}`, ['desktop']);
  await withLoop(pool, (loop) => loop.update(LOOP.desktopPower, { desktop, action }));
  context.out(
    json
      ? JSON.stringify({ desktop, action }, null, 2)
      : `${desktop}: ${action === 'start' ? 'started' : 'stopped'}.`,
  );
}
