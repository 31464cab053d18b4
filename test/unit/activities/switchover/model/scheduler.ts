// Decides which of the things that could happen next does. Every operation on the world (a record, a hypervisor, a message) takes two
// turns: one before it is done, one before its answer is heard. A process that died never gets its next turn.

import { VmshadowError } from '../../../../../domain/errors.js';

/** A process that can be killed: what it waits for never comes. */
export class Process {
  readonly name: string;
  alive = true;
  /** Rejects when it dies: whoever waits for its answer hears of it. */
  readonly died: Promise<never>;
  #tell!: (error: Error) => void;

  constructor(name: string) {
    this.name = name;
    this.died = new Promise<never>((_, reject) => (this.#tell = reject));
    this.died.catch(() => undefined);
  }

  kill(): void {
    this.alive = false;
    this.#tell(new VmshadowError('HOST_UNREACHABLE', `model: ${this.name} died`));
  }
}

interface Turn {
  readonly process: Process;
  readonly label: string;
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

export class Scheduler {
  #turns: Turn[] = [];
  readonly trace: string[] = [];

  /** Wait until it is this one's turn. */
  turn(process: Process, label: string): Promise<void> {
    return new Promise((go, fail) => {
      if (process.alive) this.#turns.push({ process, label, go, fail });
    });
  }

  /** What waits for its turn, in the order of asking; those of dead processes are forgotten. */
  pending(): readonly Turn[] {
    this.#turns = this.#turns.filter((t) => t.process.alive);
    return this.#turns;
  }

  /** Let one go on, and everything that follows from it without a turn. */
  async release(at: number): Promise<void> {
    const [turn] = this.#turns.splice(at, 1);
    if (turn === undefined) return;
    this.trace.push(`${turn.process.name}: ${turn.label}`);
    turn.go();
    await settle();
  }

  /** Let one fail in the place where it waits. */
  async break(at: number, error: Error): Promise<void> {
    const [turn] = this.#turns.splice(at, 1);
    if (turn === undefined) return;
    this.trace.push(`${turn.process.name}: ${turn.label} FAILS`);
    turn.fail(error);
    await settle();
  }
}

/** Everything that follows by promises alone happens before a macrotask. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
