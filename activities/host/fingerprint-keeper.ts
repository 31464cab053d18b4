// Ranks the desktops of this host (docs/decisions/ranking-at-the-hosts.md): the averages live where the traffic is seen, and only what
// they come to goes to the loop. A restarted dom0 and the target of a move begin anew; an average of weight 0.5 is settled in three cycles.
import type { Fingerprint, FingerprintState, TrafficWindow } from '../../domain/fingerprint/model.js';
import { updateFingerprint } from '../../domain/fingerprint/rank/rank.js';
import { FingerprintPolicy } from '../../domain/model/policy.js';

export class FingerprintKeeper {
  readonly #states = new Map<string, FingerprintState>();
  #policy = FingerprintPolicy.parse({});

  /** The policy that ranks from now on, as the loop sent it last. */
  get policy(): FingerprintPolicy {
    return this.#policy;
  }

  /** Rank by another policy from now on; the averages go on. */
  follow(policy: FingerprintPolicy): void {
    this.#policy = policy;
  }

  /**
   * Rank the desktops in `owned` by their newest windows and forget all others. `controlRttMs`: the thin client's own round trip, ms,
   * beside the passive one: a check that is told when they disagree.
   */
  rank(
    windows: readonly TrafficWindow[],
    owned: ReadonlySet<string>,
    controlRttMs: (desktop: string) => number | undefined,
  ): Fingerprint[] {
    for (const desktop of this.#states.keys()) if (!owned.has(desktop)) this.#states.delete(desktop);
    return windows
      .filter((window) => owned.has(window.desktop))
      .map((window) => {
        const rttMs = controlRttMs(window.desktop);
        const { state, fingerprint } = updateFingerprint(
          this.#states.get(window.desktop),
          rttMs === undefined ? window : { ...window, controlRttMs: rttMs },
          this.#policy,
        );
        this.#states.set(window.desktop, state);
        return fingerprint;
      });
  }
}
