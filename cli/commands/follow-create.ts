// Shows a creation until it has ended.
import { hasCode, VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { CreateStatus } from '../../temporal/contract/create.js';
import { createId } from '../../temporal/contract/names.js';
import type { CliContext } from '../context.js';
import { pause, untilStopped } from '../daemon.js';
import type { LoopClient } from '../loop-client.js';
import { makeLineView } from '../progress-view.js';
import { percentOf, renderCreateLine } from '../render/create-line.js';

/** How often it is looked at, and how long for the loop to report what was made. */
const LOOK_MS = 500;
const LISTED_WITHIN_MS = 10_000;

/** Show a creation until it has ended and the loop knows its desktop; null when the operator has left. A control plane that is away is waited for. */
export async function followCreate(
  context: CliContext,
  loop: LoopClient,
  desktop: DesktopId,
): Promise<CreateStatus | null> {
  const view = makeLineView(context);
  const look = async (): Promise<CreateStatus | null> => {
    try {
      const status = await loop.createStatus(desktop);
      if (status?.outcome !== 'running' || (await loop.createExecution(desktop)) === 'RUNNING') return status;
      // It may have ended between the two questions.
      const last = await loop.createStatus(desktop);
      if (last?.outcome !== 'running') return last;
      throw new VmshadowError(
        'INTERNAL',
        `the creation of ${desktop} was ended from outside: look at workflow ${createId(desktop)} in the Temporal UI. The next creation of ${desktop} at that host removes what is left of it.`,
      );
    } catch (error) {
      if (!hasCode(error, 'CONTROL_PLANE')) throw error;
      view.say(error.message);
      return null;
    }
  };
  try {
    return await untilStopped(async (signal) => {
      let end: CreateStatus | null = null;
      while (!signal.aborted && end === null) {
        const status = await look();
        if (status !== null) view.show(renderCreateLine(status), String(Math.floor(percentOf(status) / 10)));
        if (status !== null && status.outcome !== 'running') end = status;
        else await pause(LOOK_MS, signal);
      }
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
