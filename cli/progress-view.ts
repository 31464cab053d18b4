// Live progress on standard error: one line painted in place on a terminal, elsewhere a line when something changed.
import type { MoveStatus } from '../temporal/contract/move.js';
import type { CliContext } from './context.js';
import { formatClock } from './render/format.js';
import { renderMoveLine } from './render/move-line.js';
import { makePainter } from './render/painter.js';

export interface LineView {
  /** `key` says whether a line is worth a line in a log: one that is not as the last. */
  show(line: string, key: string): void;
  say(text: string): void;
  close(): void;
}

/** Make the view that fits the context. */
export function makeLineView(context: CliContext): LineView {
  if (context.interactive && process.stderr.isTTY) {
    const painter = makePainter(process.stderr);
    return {
      show: (line) => painter.paint(line),
      say: (text) => {
        painter.clear();
        context.note(text);
      },
      close: () => painter.leave(),
    };
  }
  let last = '';
  return {
    show(line, key) {
      if (key === last) return;
      last = key;
      context.note(`${formatClock(Date.now())} ${line}`);
    },
    say: (text) => context.note(text),
    close: () => undefined,
  };
}

export interface ProgressView extends Pick<LineView, 'say' | 'close'> {
  show(status: MoveStatus): void;
}

/** In a log a line each 10 % or each change of phase is enough. */
const LOG_STEP_PERCENT = 10;

/** Make the view of a move. */
export function makeProgressView(context: CliContext): ProgressView {
  const view = makeLineView(context);
  return {
    show: (status) => {
      const { phase, progress, percent, outcome } = status;
      const step = String(Math.floor(percent / LOG_STEP_PERCENT));
      view.show(renderMoveLine(status), `${phase}/${String(progress.round)}/${step}/${outcome}`);
    },
    say: (text) => view.say(text),
    close: () => view.close(),
  };
}
