// Live progress of one move on standard error: one line redrawn on a terminal (cli-progress), elsewhere a line when something changed.
import cliProgress from 'cli-progress';
import type { MoveStatus } from '../temporal/contract/move.js';
import type { CliContext } from './context.js';
import { formatClock } from './render/format.js';
import { renderMoveLine } from './render/move-line.js';

export interface ProgressView {
  show(status: MoveStatus): void;
  say(text: string): void;
  close(): void;
}

/** In a log a line each 10 % or each change of phase is enough. */
const LOG_STEP_PERCENT = 10;

/** Make the view that fits the context. */
export function makeProgressView(context: CliContext): ProgressView {
  return context.interactive && process.stderr.isTTY ? terminalView(context) : logView(context);
}

function terminalView(context: CliContext): ProgressView {
  const bar = new cliProgress.SingleBar({
    format: (_options, _params, payload: { line?: string }) => payload.line ?? '',
    hideCursor: true,
    // Cuts nothing itself: the line wrap of the terminal would break the redraw.
    linewrap: false,
    gracefulExit: false,
  });
  let started = false;
  return {
    show(status) {
      const payload = { line: renderMoveLine(status) };
      if (started) bar.update(status.percent, payload);
      else bar.start(100, status.percent, payload);
      started = true;
    },
    say: (text) => context.note(`\n${text}`),
    close: () => {
      if (started) bar.stop();
    },
  };
}

function logView(context: CliContext): ProgressView {
  let last = '';
  return {
    show(status) {
      const key = `${status.phase}/${String(status.progress.round)}/${String(Math.floor(status.percent / LOG_STEP_PERCENT))}/${status.outcome}`;
      if (key === last) return;
      last = key;
      context.note(`${formatClock(Date.now())} ${renderMoveLine(status)}`);
    },
    say: (text) => context.note(text),
    close: () => undefined,
  };
}
