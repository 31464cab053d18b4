// `vmshadow move`, `cancel`, `force`: what an operator says to a move.
import { z } from 'zod';
import { hasCode, VmshadowError } from '../../domain/errors.js';
import { DesktopId, HostId, SiteId, hostKey } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE, type MoveSignal, type MoveStatus } from '../../temporal/contract/move.js';
import { MAX_DEADLINE_MS } from '../../temporal/contract/requests.js';
import { duration, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { untilStopped } from '../daemon.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { noMove } from '../failures.js';
import { followMove } from '../follow.js';
import type { LoopClient } from '../loop-client.js';
import { withLoop } from '../with-loop.js';
import { cancelCreation } from './cancel-creation.js';
import { makeProgressView } from '../progress-view.js';
import { renderMoveEnd } from '../render/move-line.js';

const MoveOptions = z.object({
  ...poolOptions,
  desktop: DesktopId,
  site: SiteId,
  host: HostId.optional(),
  force: z.boolean().default(false),
  deadline: duration
    .pipe(z.number().min(1_000, 'expected a second or more').max(MAX_DEADLINE_MS, 'expected 365d at most'))
    .optional(),
  follow: z.boolean().default(true),
});

/** A second: the checkpoints of a move come about as often. */
const FOLLOW_INTERVAL_MS = 1_000;

/** Run `vmshadow move DESKTOP SITE`: 0 when it ended as moved (or was accepted, with --no-follow). */
export async function moveCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { pool, json, follow, deadline, ...wanted } = parseArguments(MoveOptions, raw, 'move', [
    'desktop',
    'site',
  ]);
  const request = { ...wanted, ...(deadline === undefined ? {} : { withinMs: deadline }) };
  return withLoop(pool, async (loop) => {
    const accepted = await loop.update(LOOP.requestMove, request);
    if (!follow) {
      context.out(
        json
          ? JSON.stringify(accepted, null, 2)
          : `${request.desktop}: the move to ${hostKey(accepted.to)} has begun (workflow ${accepted.workflowId}). \`vmshadow status --watch\` shows it.`,
      );
      return EXIT.ok;
    }
    const end = await followToEnd(context, loop, request.desktop);
    if (end === null) {
      context.note(`The move goes on. \`vmshadow cancel ${request.desktop}\` cancels it.`);
      return EXIT.interrupted;
    }
    return reportEnd(context, end, json);
  });
}

async function followToEnd(
  context: CliContext,
  loop: LoopClient,
  desktop: DesktopId,
): Promise<MoveStatus | null> {
  const view = makeProgressView(context);
  try {
    return await untilStopped((signal) =>
      followMove(loop, {
        desktop,
        signal,
        intervalMs: FOLLOW_INTERVAL_MS,
        onProgress: (status) => view.show(status),
        onSilence: (reason) => view.say(reason),
      }),
    );
  } finally {
    view.close();
  }
}

/** Print how a move ended; the exit code is that of `vmshadow move`. */
export function reportEnd(context: CliContext, end: MoveStatus, json: boolean): ExitCode {
  const text = renderMoveEnd(end);
  if (json) context.out(JSON.stringify(end, null, 2));
  if (end.outcome === 'moved') {
    if (!json) context.out(text);
    return EXIT.ok;
  }
  context.note(text);
  return EXIT.refused;
}

const SignalOptions = z.object({ ...poolOptions, desktop: DesktopId });

const CancelOptions = z.object({ ...poolOptions, desktop: DesktopId, follow: z.boolean().default(true) });

/**
 * Run `vmshadow cancel DESKTOP`: undoes the move, whatever phase it is in, until the commit, and says what became of it. 0 where the desktop
 * stays where it was (or when the cancel was only asked for, with --no-follow), 1 where it came too late and the desktop moved.
 */
export async function cancelCommand(context: CliContext, raw: unknown): Promise<ExitCode> {
  const { pool, desktop, json, follow } = parseArguments(CancelOptions, raw, 'cancel', ['desktop']);
  return withLoop(pool, async (loop) => {
    const creation = await silenceAsNull(loop.createExecution(desktop));
    if (creation === 'RUNNING') return cancelCreation(context, loop, desktop, { json, follow });
    const before = await askMove(loop, desktop, MOVE.cancelMove);
    if (!follow) {
      const phase = before?.phase ?? null;
      if (json) context.out(JSON.stringify({ desktop, signal: MOVE.cancelMove.name, phase }, null, 2));
      else
        context.out(
          `${desktop}: asked to cancel${inPhase(before)}. Until the commit it stays where it is; \`vmshadow status\` shows what becomes of it.`,
        );
      return EXIT.ok;
    }
    const end = await followCancel(context, loop, desktop);
    if (end === null) {
      context.note(`Asked to cancel; what becomes of it is not known yet. \`vmshadow status\` shows it.`);
      return EXIT.interrupted;
    }
    return reportCancel(context, end, json);
  });
}

/** Follow a move that was asked to stop until it is decided: undone, or at its target. Null when the operator has left. */
async function followCancel(
  context: CliContext,
  loop: LoopClient,
  desktop: DesktopId,
): Promise<MoveStatus | null> {
  const view = makeProgressView(context);
  const decided = new AbortController();
  const seen: MoveStatus[] = [];
  try {
    const end = await untilStopped((signal) =>
      followMove(loop, {
        desktop,
        signal: AbortSignal.any([signal, decided.signal]),
        intervalMs: FOLLOW_INTERVAL_MS,
        onProgress: (status) => {
          view.show(status);
          if (!isAtTarget(status)) return;
          seen.push(status);
          decided.abort();
        },
        onSilence: (reason) => view.say(reason),
      }),
    );
    return seen[0] ?? end;
  } finally {
    view.close();
  }
}

/** After the commit there is only the clean-up. */
function isAtTarget(status: MoveStatus): boolean {
  return status.outcome === 'moved' || (status.outcome === 'running' && status.phase === 'cleanup');
}

/** Print what became of a move that was asked to stop. */
export function reportCancel(context: CliContext, end: MoveStatus, json: boolean): ExitCode {
  if (json) context.out(JSON.stringify(end, null, 2));
  if (isAtTarget(end)) {
    context.note(
      `${end.desktop}: the cancel came too late: the desktop runs at ${hostKey(end.to)}. To move it back: vmshadow move ${end.desktop} ${end.from.site} --force`,
    );
    return EXIT.refused;
  }
  const failed =
    end.outcome === 'failed'
      ? `; the move had failed by itself: ${end.error?.message ?? 'no reason given'}`
      : '';
  if (!json)
    context.out(
      `${end.desktop}: cancelled in phase ${end.phase}, what was done is undone; the desktop runs at ${hostKey(end.from)} as before${failed}`,
    );
  return EXIT.ok;
}

/** Run `vmshadow force DESKTOP`: switches over now, without waiting for a short pause. */
export async function forceCommand(context: CliContext, raw: unknown): Promise<void> {
  await signalMove(
    context,
    raw,
    'force',
    MOVE.forceSwitchover,
    'asked to switch over without waiting for a short pause',
  );
}

async function signalMove(
  context: CliContext,
  raw: unknown,
  command: string,
  signal: MoveSignal,
  said: string,
): Promise<void> {
  const { pool, desktop, json } = parseArguments(SignalOptions, raw, command, ['desktop']);
  await withLoop(pool, async (loop) => {
    const before = await askMove(loop, desktop, signal);
    if (json)
      context.out(JSON.stringify({ desktop, signal: signal.name, phase: before?.phase ?? null }, null, 2));
    else context.out(`${desktop}: ${said}${inPhase(before)}.`);
  });
}

/** Send a signal to a move that is still to be decided, and give how it stood; null where its manager is silent. */
async function askMove(loop: LoopClient, desktop: DesktopId, signal: MoveSignal): Promise<MoveStatus | null> {
  const before = await silenceAsNull(loop.moveStatus(desktop));
  if (before !== null) assertInTime(before);
  await loop.signalMove(desktop, signal);
  return before;
}

const inPhase = (status: MoveStatus | null) => (status === null ? '' : ` (phase ${status.phase})`);

/** A signal also reaches a move whose manager is away just now: no answer is no reason not to send it. */
async function silenceAsNull<R>(answer: Promise<R | null>): Promise<R | null> {
  try {
    return await answer;
  } catch (error) {
    if (hasCode(error, 'CONTROL_PLANE')) return null;
    throw error;
  }
}

function assertInTime(status: MoveStatus): void {
  if (status.outcome !== 'running') throw noMove(status.desktop);
  if (status.phase === 'cleanup')
    throw new VmshadowError(
      'TOO_LATE',
      `desktop ${status.desktop} already runs at ${status.to.site}/${status.to.host}; only the cleanup of ${status.from.site}/${status.from.host} is under way. To move it back: vmshadow move ${status.desktop} ${status.from.site} --force`,
      { details: { desktop: status.desktop } },
    );
}
