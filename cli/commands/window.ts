// `vmshadow window add|list|remove`: when a site or a host is worked on.
import { z } from 'zod';
import { LOOP } from '../../temporal/contract/loop.js';
import { duration, parseArguments, poolOptions, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { placeArgument } from '../place-argument.js';
import { renderWindow, renderWindowList } from '../render/windows.js';
import { withLoop } from '../with-loop.js';

/** A moment: a date and time (of this machine's time zone where it names none), or a length of time from another moment on. */
const moment = z
  .string()
  .regex(
    /^(\+.+|\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?)$/,
    'expected a time such as 2026-12-01T22:00, 2026-12-01T22:00Z or +2h',
  )
  .transform((text, ctx): { readonly afterMs: number } | { readonly atMs: number } => {
    if (text.startsWith('+')) {
      const length = duration.safeParse(text.slice(1));
      if (length.success) return { afterMs: length.data };
    } else {
      // A date alone would be read as UTC.
      const atMs = Date.parse(text.includes(':') ? text.replace(' ', 'T') : `${text}T00:00`);
      if (!Number.isNaN(atMs) && isDay(text.slice(0, 10))) return { atMs };
    }
    ctx.addIssue({ code: 'custom', message: 'expected a time such as 2026-12-01T22:00Z or +2h' });
    return z.NEVER;
  });

/** Date.parse takes the 31st of February for a day of March. */
const isDay = (text: string) => new Date(`${text}T00:00Z`).toISOString().startsWith(text);

const AddOptions = z.object({
  ...poolOptions,
  place: placeArgument,
  from: moment,
  to: moment,
  lead: duration.default(3_600_000),
  drain: z.boolean().default(false),
});

/** Run `vmshadow window add PLACE --from T --to T`. */
export async function addWindowCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, place, from, to, lead, drain } = parseArguments(AddOptions, raw, 'window add', [
    'place',
  ]);
  const fromMs = 'atMs' in from ? from.atMs : Date.now() + from.afterMs;
  const toMs = 'atMs' in to ? to.atMs : fromMs + to.afterMs;
  if (toMs <= fromMs) throw usageError('window add', '--to: expected a time after --from');
  const window = await withLoop(pool, (loop) =>
    loop.update(LOOP.addWindow, { ...place, fromMs, toMs, leadMs: lead, drain }),
  );
  context.out(json ? JSON.stringify(window, null, 2) : renderWindow(window));
}

const ListOptions = z.object(poolOptions);

/** Run `vmshadow window list`. */
export async function listWindowsCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json } = parseArguments(ListOptions, raw, 'window list');
  const { windows = [] } = await withLoop(pool, (loop) => loop.status({ limit: 0 }));
  context.out(json ? JSON.stringify(windows, null, 2) : renderWindowList(windows));
}

const RemoveOptions = z.object({ ...poolOptions, place: placeArgument, from: moment.optional() });

/** Run `vmshadow window remove PLACE [--from T]`. */
export async function removeWindowsCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, place, from } = parseArguments(RemoveOptions, raw, 'window remove', ['place']);
  if (from !== undefined && !('atMs' in from))
    throw usageError('window remove', '--from: expected the time that `vmshadow window list` shows');
  const answer = await withLoop(pool, (loop) =>
    loop.update(LOOP.removeWindows, { ...place, ...(from === undefined ? {} : { fromMs: from.atMs }) }),
  );
  const said =
    answer.removed.length === 0
      ? `${answer.place} has no such window: \`vmshadow window list\` shows those that there are.`
      : `Removed:\n${answer.removed.map((w) => `  ${renderWindow(w)}`).join('\n')}`;
  context.out(json ? JSON.stringify(answer, null, 2) : said);
}
