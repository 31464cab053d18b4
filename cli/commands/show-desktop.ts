// `vmshadow desktop show`: a desktop's definition as the file that makes it again.
import { z } from 'zod';
import { documentOf } from '../../domain/model/desktop-document.js';
import { DesktopId } from '../../domain/model/ids.js';
import { parseArguments, poolOptions, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { noDesktop } from '../failures.js';
import { withLoop } from '../with-loop.js';

const Show = z.object({ ...poolOptions, yaml: z.boolean().default(false), desktop: DesktopId });

/** Run `vmshadow desktop show DESKTOP`; YAML unless JSON is asked for. */
export async function showDesktopCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, yaml, desktop } = parseArguments(Show, raw, 'desktop show', ['desktop']);
  if (json && yaml) throw usageError('desktop show', '--json, --yaml: give one of both');
  const { definition, addresses } = await withLoop(pool, async (loop) => ({
    definition: await loop.definition(desktop),
    addresses: (await loop.status({ desktop })).desktops[0]?.addresses,
  }));
  if (definition === null) throw noDesktop(desktop, pool);
  const document = documentOf(definition);
  if (json) {
    context.out(JSON.stringify(document, null, 2));
    return;
  }
  const { stringify } = await import('yaml');
  context.out(stringify(document).trimEnd());
  // A comment, as the cloud gives a desktop its address, and a file cannot.
  if (addresses !== undefined)
    context.out(`# addresses, as its guest's agent tells them: ${addresses.join(', ')}`);
}
