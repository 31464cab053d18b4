// Shows a creation until it has ended.
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { CreateStatus } from '../../temporal/contract/create.js';
import { createId } from '../../temporal/contract/names.js';
import type { CliContext } from '../context.js';
import { pause, untilStopped } from '../daemon.js';
import { follow, type Followed } from '../follow.js';
import type { LoopClient } from '../loop-client.js';
import { makeLineView } from '../progress-view.js';
import { percentOf, renderCreateLine } from '../render/create-line.js';

/** How often it is looked at, and how long for the loop to report what was made. */
const LOOK_MS = 500;
const LISTED_WITHIN_MS = 10_000;
/** In a log a line each 10 % is enough. */
const LOG_STEP_PERCENT = 10;

/** Show a creation until it has ended and the loop knows its desktop; null when the operator has left before. */
export async function followCreate(
  context: CliContext,
  loop: LoopClient,
  desktop: DesktopId,
): Promise<CreateStatus | null> {
  const view = makeLineView(context);
  const creation: Followed<CreateStatus> = {
    status: () => loop.createStatus(desktop),
    execution: () => loop.createExecution(desktop),
    isOver: ({ outcome }) => outcome !== 'running',
    endedOutside: (execution) =>
      new VmshadowError(
        'INTERNAL',
        `the creation of ${desktop} was ended from outside (${execution}): look at workflow ${createId(desktop)} in the Temporal UI. The next creation of ${desktop} at that host removes what is left of it.`,
      ),
  };
  try {
    return await untilStopped(async (signal) => {
      const end = await follow(creation, {
        signal,
        intervalMs: LOOK_MS,
        onProgress: (status) =>
          view.show(renderCreateLine(status), String(Math.floor(percentOf(status) / LOG_STEP_PERCENT))),
        onSilence: (reason) => view.say(reason),
      });
      const deadlineMs = Date.now() + LISTED_WITHIN_MS;
      while (end?.outcome === 'made' && !signal.aborted && Date.now() < deadlineMs) {
        if ((await loop.status({ desktop })).desktops.length > 0) break;
        await pause(LOOK_MS, signal);
      }
      return end;
    });
  } finally {
    view.close();
  }
}
