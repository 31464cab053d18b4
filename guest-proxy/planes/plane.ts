// Where rules take effect. A plane replaces all its rules at once and leaves them in force when the process ends.
import type { ClientRules } from '../rules/client-rules.js';
import type { HostRules } from '../rules/host-rules.js';

export interface ClientPlane {
  apply(desktop: string, rules: ClientRules): Promise<void>;
  remove(desktop: string): Promise<void>;
  /** The rules as they stand, without counters; null where there are none. Two texts are equal where the rules are. */
  standing(desktop: string): Promise<string | null>;
}

export interface HostPlane {
  /** `afresh`: replace also what an earlier version of this program may have left; packets held at that moment are lost. */
  apply(rules: HostRules, options?: { afresh: boolean }): Promise<void>;
  /** Begin or end to hold packets for one address; much quicker than `apply`. */
  setHeld(external: string, held: boolean): Promise<void>;
  /** As of a client. */
  standing(): Promise<string | null>;
}
