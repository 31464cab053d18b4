// Live progress of one move on standard error: one line painted in place on a terminal, elsewhere a line when something changed.
import type { MoveStatus } from '../temporal/contract/move.js';
import type { CliContext } from './context.js';
import { formatClock } from './render/format.js';
import { renderMoveLine } from './render/move-line.js';
import { makePainter, type Painter } from './render/painter.js';

export interface ProgressView {
  show(status: MoveStatus): void;
  say(text: string): void;
  close(): void;
}

/** In a log a line each 10 % or each change of phase is enough. */
const LOG_STEP_PERCENT = 10;

/** Make the view that fits the context. */
export function makeProgressView(context: CliContext): ProgressView {
  return context.interactive && process.stderr.isTTY
    ? terminalView(context, makePainter(process.stderr))
    : logView(context);
}

function terminalView(context: CliContext, painter: Painter): ProgressView {
  return {
    show: (status) => painter.paint(renderMoveLine(status)),
    say: (text) => {
      painter.clear();
      context.note(text);
    },
    close: () => painter.leave(),
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

export interface LineView {
  /** `key` says whether a line is worth a line in a log. */
  show(line: string, key: string): void;
  say(text: string): void;
  close(): void;
}

/** Make a view of lines: one painted in place on a terminal, elsewhere a line when its key has changed. */
export function makeLineView(context: CliContext): LineView {
  let last = '';
  const once = (key: string, tell: () => void) => {
    if (key !== last) tell();
    last = key;
  };
  if (!context.interactive || !process.stderr.isTTY)
    return {
      show: (line, key) => once(key, () => context.note(`${formatClock(Date.now())} ${line}`)),
      say: (text) => once(text, () => context.note(text)),
      close: () => undefined,
    };
  const painter = makePainter(process.stderr);
  return {
    show: (line) => painter.paint(line),
    say: (text) =>
      once(text, () => {
        painter.clear();
        context.note(text);
      }),
    close: () => painter.leave(),
  };
}
