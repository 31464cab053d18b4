// `vmshadow cancel DESKTOP` of a desktop that is being made.
import type { DesktopId } from '../../domain/model/ids.js';
import { hostKey } from '../../domain/model/ids.js';
import type { CliContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { LoopClient } from '../loop-client.js';
import { followCreate } from './follow-create.js';

/** End a creation and say what became of it: 0 where nothing is left of it, 1 where it was made before, or something is left. */
export async function cancelCreation(
  context: CliContext,
  loop: LoopClient,
  desktop: DesktopId,
  { json, follow }: { json: boolean; follow: boolean },
): Promise<ExitCode> {
  await loop.cancelCreate(desktop);
  if (!follow) {
    if (json) context.out(JSON.stringify({ desktop, signal: 'cancelCreate' }, null, 2));
    else context.out(`${desktop}: asked to end its creation. \`vmshadow status\` shows what becomes of it.`);
    return EXIT.ok;
  }
  const end = await followCreate(context, loop, desktop);
  if (end === null) {
    context.note(`Asked to cancel; what becomes of it is not known yet. \`vmshadow status\` shows it.`);
    return EXIT.interrupted;
  }
  if (json) context.out(JSON.stringify(end, null, 2));
  if (end.outcome === 'made') {
    context.note(
      `${desktop}: the cancel came too late: it was made at ${hostKey(end.host)}. \`vmshadow desktop stop ${desktop}\`, then \`vmshadow desktop remove ${desktop}\`, remove it.`,
    );
    return EXIT.refused;
  }
  const text = `${desktop}: not made, ${end.note} at ${hostKey(end.host)} (${end.error?.message ?? end.outcome})`;
  if (end.note !== 'nothing is left of it') {
    context.note(text);
    return EXIT.refused;
  }
  if (!json) context.out(text);
  return EXIT.ok;
}
