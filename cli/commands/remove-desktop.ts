// `vmshadow desktop remove`: what it takes away does not come back, so it asks.
import { z } from 'zod';
import { DesktopId, hostKey } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { DesktopStatus } from '../../temporal/contract/status.js';
import { parseArguments, poolOptions, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { withLoop } from '../with-loop.js';

const COMMAND = 'desktop remove';
const Remove = z.object({ ...poolOptions, desktop: DesktopId, yes: z.boolean().default(false) });

/** Run `vmshadow desktop remove ID [--yes]`; asks at a terminal unless told not to, and refuses where it cannot ask. */
export async function removeCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { pool, json, desktop, yes } = parseArguments(Remove, raw, COMMAND, ['desktop']);
  const { ask } = context;
  if (!yes && ask === null)
    throw usageError(
      COMMAND,
      `vmshadow ${COMMAND}: the disk of ${desktop} would be removed for ever, and there is no terminal to ask at: add --yes`,
    );
  return withLoop(pool, async (loop) => {
    if (!yes && ask !== null) {
      const { desktops } = await loop.status({ desktop });
      if (
        !isYes(
          await ask(
            questionOf(
              desktop,
              desktops.find((d) => d.desktop === desktop),
            ),
          ),
        )
      ) {
        context.note('Nothing was removed.');
        return EXIT.refused;
      }
    }
    const removed = await loop.update(LOOP.removeDesktop, { desktop });
    context.out(
      json
        ? JSON.stringify(removed, null, 2)
        : `${desktop} is removed from ${hostKey(removed.host)}, its disk too.`,
    );
    return EXIT.ok;
  });
}

/** Only a plain yes removes anything. */
function isYes(answer: string): boolean {
  return ['y', 'yes'].includes(answer.trim().toLowerCase());
}

/** `known`: as last reported; whether it can be removed is the loop's to say, by fresh reports. */
function questionOf(desktop: DesktopId, known: DesktopStatus | undefined): string {
  const what =
    known === undefined
      ? `${desktop} and its disk`
      : `${desktop} (${known.state} at ${hostKey(known.host)}) and its disk of ${String(known.diskMiB)} MiB`;
  return `Remove ${what} for ever? [y/N] `;
}
