// Which repairs a run has made or tried already: each is tried once a run, and rounds are bounded.
import type { Finding } from '../../domain/reconcile/finding.js';
import type { ReconcileItem } from '../../temporal/contract/reconcile.js';

/** The longest way: finish, retire, settle, clean, detach, and one more look. */
const MAX_ROUNDS = 8;

export class Tried {
  readonly #items = new Map<string, ReconcileItem>();
  #rounds = 0;

  /** Those that have a repair which this run has not tried; none after the last round. */
  untried(findings: readonly Finding[]): Finding[] {
    if (++this.#rounds > MAX_ROUNDS) return [];
    return findings.filter((f) => f.repair !== null && !this.#items.has(keyOf(f)));
  }

  add(items: readonly ReconcileItem[]): void {
    for (const item of items) this.#items.set(keyOf(item), item);
  }

  /** All that was tried, and of the last look what was not. */
  itemsWith(last: readonly Finding[]): ReconcileItem[] {
    const rest = last.filter((f) => f.repair === null || !this.#items.has(keyOf(f)));
    return [...this.#items.values(), ...rest.map((f) => ({ ...f, outcome: 'found' as const, error: null }))];
  }
}

const keyOf = ({ repair }: Finding): string => JSON.stringify(repair);
