// `vmshadow status`: once, or again and again: redrawn in place on a terminal, a line a change elsewhere.
import pMap from 'p-map';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import { parseArguments, poolOptions, numeric, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';
import { pause, untilStopped } from '../daemon.js';
import type { DesktopStatus } from '../../temporal/contract/status.js';
import { parseFilters } from '../filters.js';
import type { LoopClient } from '../loop-client.js';
import { withLoop } from '../with-loop.js';
import { renderStatus, renderStatusLine, type StatusView } from '../render/status.js';
import { formatClock } from '../render/format.js';
import { fitTo, makePainter } from '../render/painter.js';

const Options = z.object({
  ...poolOptions,
  filters: z.array(z.string()).default([]),
  watch: z.boolean().default(false),
  interval: numeric.pipe(z.number().min(0.2).max(3600)).optional(),
});

/** Questions that the server gets at once. */
const MOVES_AT_A_TIME = 20;

/** Run `vmshadow status`. */
export async function statusCommand(context: CliContext, raw: unknown): Promise<void> {
  const options = parseArguments(Options, raw, 'status', ['filters']);
  const { interval = 1 } = options;
  if (options.interval !== undefined && !options.watch)
    throw usageError('status', '--interval says how often --watch looks: it does nothing without it');
  const isWanted = parseFilters(options.filters, 'status');
  const look = async (loop: LoopClient) => {
    if (options.filters.length === 0) return readStatus(loop, options.json);
    return onlyOf(await readStatus(loop, true), isWanted);
  };
  await withLoop(options.pool, async (loop) => {
    if (!options.watch) {
      const view = await look(loop);
      context.out(options.json ? JSON.stringify(statusJson(view), null, 2) : renderStatus(view));
      return;
    }
    await untilStopped((signal) => watch(context, () => look(loop), options.json, interval * 1000, signal));
  });
}

/** Ask the loop, of `all` desktops or as many as a screen needs, and every move under way. A move that gives no answer is null: the rest is still worth seeing. */
export async function readStatus(loop: LoopClient, all: boolean): Promise<StatusView> {
  const status = all ? await loop.wholeStatus() : await loop.status();
  const moves = await pMap(
    status.moves,
    async (m) => [m.desktop, await loop.moveStatus(m.desktop).catch(() => null)] as const,
    { concurrency: MOVES_AT_A_TIME },
  );
  return { loop: status, moves: Object.fromEntries(moves), atMs: Date.now() };
}

/** The view of some desktops: of the others neither rows nor moves. */
function onlyOf(view: StatusView, isWanted: (desktop: DesktopStatus) => boolean): StatusView {
  const desktops = view.loop.desktops.filter(isWanted);
  const names = new Set<string>(desktops.map((d) => d.desktop));
  const of = <T extends { readonly desktop: string }>(items: readonly T[]) =>
    items.filter((item) => names.has(item.desktop));
  const { moves, recent } = view.loop;
  return {
    ...view,
    loop: { ...view.loop, desktopCount: desktops.length, desktops, moves: of(moves), recent: of(recent) },
  };
}

/** The loop's answer with each move's own status inside it. */
export function statusJson(view: StatusView): unknown {
  return {
    ...view.loop,
    moves: view.loop.moves.map((m) => ({ ...m, status: view.moves[m.desktop] ?? null })),
  };
}

async function watch(
  context: CliContext,
  look: () => Promise<StatusView>,
  json: boolean,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  const painter = context.interactive && !json ? makePainter(process.stdout) : null;
  let last = '';
  while (!signal.aborted) {
    let text: string;
    try {
      const view = await look();
      text = json
        ? JSON.stringify(statusJson(view))
        : painter !== null
          ? `${formatClock(view.atMs)}  ${renderStatus(view)}`
          : renderStatusLine(view);
    } catch (error) {
      // The control plane may be restarting: say so and go on looking.
      text = json
        ? JSON.stringify({ error: { message: messageOf(error) } })
        : `no answer: ${messageOf(error)}`;
    }
    if (painter !== null) painter.paint(fitTo(text, painter.size()));
    else if (json) context.out(text);
    else if (text !== last) context.out(`${formatClock(Date.now())} ${text}`);
    last = text;
    await pause(intervalMs, signal);
  }
  painter?.leave();
}
