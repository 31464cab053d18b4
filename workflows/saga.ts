// Compensations: registered before the step that they undo, run in reverse and shielded from cancellation.
import { CancellationScope } from '@temporalio/workflow';

interface Compensation {
  readonly name: string;
  readonly undo: () => Promise<unknown>;
}

export class Saga {
  readonly #steps: Compensation[] = [];

  /** Remember how to undo the step that comes next. */
  add(name: string, undo: () => Promise<unknown>): void {
    this.#steps.push({ name, undo });
  }

  /** Forget a compensation (its step is known not to have happened). */
  drop(name: string): void {
    const at = this.#steps.findLastIndex((s) => s.name === name);
    if (at >= 0) this.#steps.splice(at, 1);
  }

  /** Forget all: the point of no return is behind. */
  clear(): void {
    this.#steps.length = 0;
  }

  /** Undo everything, newest first; `onStep` tells which. A step that fails does not keep the others from running. */
  async unwind(onStep: (name: string) => void): Promise<unknown[]> {
    return CancellationScope.nonCancellable(async () => {
      const errors: unknown[] = [];
      for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
        onStep(step.name);
        try {
          await step.undo();
        } catch (error) {
          errors.push(error);
        }
      }
      return errors;
    });
  }
}
