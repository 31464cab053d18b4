// `vmshadow drain SITE|SITE/HOST` and `undrain`: a site or a host is emptied, followed until it is or until what is left cannot leave.
import { z } from 'zod';
import { placeKey } from '../../domain/drain/place.js';
import { hasCode } from '../../domain/errors.js';
import type { DrainBegun, DrainStatus } from '../../temporal/contract/drain.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { pause, untilStopped } from '../daemon.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { LoopClient } from '../loop-client.js';
import { placeArgument } from '../place-argument.js';
import { makeLineView } from '../progress-view.js';
import { type DrainOutcome, renderDrainEnd, renderDrainLine } from '../render/drain.js';
import { plural } from '../render/format.js';
import { withLoop } from '../with-loop.js';

const Options = z.object({ ...poolOptions, place: placeArgument, follow: z.boolean().default(true) });

const LOOK_MS = 1_000;
/** One cycle may see a world that a move has just changed: what it says of those who are held is believed when the next one says it too. */
const SAID_TWICE = 2;

/** Run `vmshadow drain SITE|SITE/HOST`: 0 when it is empty (or has begun, with --no-follow), 1 when something cannot leave. */
export async function drainCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { pool, json, follow, place } = parseArguments(Options, raw, 'drain', ['place']);
  return withLoop(pool, async (loop) => {
    const begun = await loop.update(LOOP.drain, place);
    if (!follow) {
      context.out(json ? JSON.stringify(begun, null, 2) : saidAtBeginning(begun));
      return EXIT.ok;
    }
    if (begun.cancelled.length > 0) context.note(saidAtBeginning(begun));
    const end = await followDrain(context, loop, begun.place);
    if (end === null) {
      context.note(`The drain goes on. \`vmshadow undrain ${begun.place}\` ends it.`);
      return EXIT.interrupted;
    }
    if (json)
      context.out(JSON.stringify({ ...end.last, outcome: end.outcome, cancelled: begun.cancelled }, null, 2));
    const text = renderDrainEnd(end.outcome, end.last);
    if (end.outcome === 'empty') {
      if (!json) context.out(text);
      return EXIT.ok;
    }
    context.note(text);
    return EXIT.refused;
  });
}

function saidAtBeginning({ place, began, left, cancelled }: DrainBegun): string {
  const stopped =
    cancelled.length === 0
      ? ''
      : ` ${plural(cancelled.length, 'move')} towards it told to stop: ${cancelled.join(', ')}.`;
  return `${place}: ${began ? 'is being emptied from now on' : 'was being emptied already'}, ${plural(left, 'desktop')} there.${stopped} \`vmshadow status\` shows how far it is.`;
}

/** Follow until it is over; null when the operator has left. */
async function followDrain(
  context: CliContext,
  loop: LoopClient,
  place: string,
): Promise<{ outcome: DrainOutcome; last: DrainStatus } | null> {
  const view = makeLineView(context);
  const heldIn = new Set<number>();
  let last: DrainStatus | undefined;
  let silent = false;
  try {
    return await untilStopped(async (signal) => {
      while (!signal.aborted) {
        try {
          const { draining = [] } = await loop.status({ limit: 0 });
          silent = false;
          const now = draining.find((d) => d.place === place);
          if (now === undefined) {
            if (last === undefined) return null;
            return { outcome: 'ended', last };
          }
          last = now;
          view.show(renderDrainLine(now), `${String(now.left)}/${JSON.stringify(now.counts)}`);
          if (now.left === 0 && (now.unheard ?? []).length === 0) return { outcome: 'empty', last };
          // Of what the drain has found in cycles of its own.
          if (now.left === 0 || now.counts.held < now.left) heldIn.clear();
          else heldIn.add(now.judgedInCycle);
          if (heldIn.size >= SAID_TWICE) return { outcome: 'stuck', last };
        } catch (error) {
          if (!hasCode(error, 'CONTROL_PLANE')) throw error;
          if (!silent) view.say(error.message);
          silent = true;
        }
        await pause(LOOK_MS, signal);
      }
      return null;
    });
  } finally {
    view.close();
  }
}

const UndrainOptions = z.object({ ...poolOptions, place: placeArgument });

/** Run `vmshadow undrain SITE|SITE/HOST`. */
export async function undrainCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, place } = parseArguments(UndrainOptions, raw, 'undrain', ['place']);
  const ended = await withLoop(pool, (loop) => loop.update(LOOP.undrain, place));
  const said = ended.was
    ? 'is not emptied any more; moves that are under way go on'
    : 'nobody had asked for it to be emptied';
  context.out(
    json
      ? JSON.stringify(ended, null, 2)
      : `${placeKey(place)}: ${said}${ended.still === null ? '.' : `. But nobody comes there yet: ${ended.still}`}`,
  );
}
