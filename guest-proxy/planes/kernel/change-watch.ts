// Tells at once when anybody changes a table of the kernel's rules, so that what was taken away is back before the next packet comes, not at
// the next look. A `nft monitor` beside us; where it ends it is started again, and looks at intervals go on without it.
import { startCommand, type StartedCommand } from '../../../os/start-command.js';

const AGAIN_MS = 1_000;
/** A flush removes tables, chains and rules, a line each: they are one change. */
const TOGETHER_MS = 10;

export class ChangeWatch {
  readonly #changed: () => void;
  #monitor: StartedCommand | null = null;
  #again: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  #stopped = false;

  /** `changed` is called shortly after something was removed; it must not throw. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  start(): void {
    // Of what is added nothing can be missing. It ends with this process however that ends: it has the packet queue's socket too, and would
    // keep the next process from opening it.
    const monitor = startCommand(['setpriv', '--pdeathsig', 'KILL', 'nft', 'monitor', 'destroy'], {
      stderr: 'ignore',
    });
    this.#monitor = monitor;
    monitor.stdout.on('data', () => {
      this.#soon ??= setTimeout(() => {
        this.#soon = null;
        this.#changed();
      }, TOGETHER_MS);
    });
    void monitor.ended.then(() => {
      if (!this.#stopped) this.#again = setTimeout(() => this.start(), AGAIN_MS);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of [this.#again, this.#soon]) if (timer !== null) clearTimeout(timer);
    this.#monitor?.kill();
    await this.#monitor?.ended;
  }
}
