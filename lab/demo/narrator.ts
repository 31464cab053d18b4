// What the demo says while it runs: numbered steps with the time, and a bar for the move.
import cliProgress from 'cli-progress';
import { describePhase } from '../../domain/migration/phases.js';
import { formatRate } from '../../cli/render/format.js';
import type { MoveStatus } from '../../temporal/contract/move.js';

export class Narrator {
  readonly #startedMs = Date.now();
  #bar: cliProgress.SingleBar | null = null;
  #lastLine = '';

  /** Say one thing, with the time since the start. */
  say(text: string): void {
    this.endBar();
    const seconds = ((Date.now() - this.#startedMs) / 1000).toFixed(0).padStart(4);
    console.log(`[${seconds} s] ${text}`);
  }

  /** Show a move: a bar on a terminal, a line a change elsewhere. */
  move(status: MoveStatus): void {
    const { progress } = status;
    const rate = progress.bytesPerSecond > 0 ? `; ${formatRate(progress.bytesPerSecond)}` : '';
    const eta = status.etaMs === null ? '' : `, ${String(Math.ceil(status.etaMs / 1000))} s left`;
    const text = `${status.phase}: ${describePhase(status.phase)}${rate}${eta}`;
    if (process.stdout.isTTY) {
      this.#bar ??= this.#startBar();
      this.#bar.update(status.percent, { text });
      return;
    }
    const line = `${status.phase} ${String(status.percent - (status.percent % 10))}`;
    if (line !== this.#lastLine) this.say(`move ${String(status.percent).padStart(3)} %  ${text}`);
    this.#lastLine = line;
  }

  endBar(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  #startBar(): cliProgress.SingleBar {
    const bar = new cliProgress.SingleBar(
      { format: '         move [{bar}] {percentage} % {text}', hideCursor: true, barsize: 30 },
      cliProgress.Presets.rect,
    );
    bar.start(100, 0, { text: '' });
    return bar;
  }
}
