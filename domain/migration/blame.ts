// With whom the reason of a failed move lies: the same attempt would fail again for all moves of that desktop, from or to that host,
// between those two hosts, or only for that desktop to that host.
import type { ErrorCode } from '../errors.js';

export const BLAMES = ['desktop', 'source', 'target', 'hosts', 'move'] as const;
/** `hosts`: this source and this target do not go together. `move`: this desktop to this target, the narrowest and the default. */
export type Blame = (typeof BLAMES)[number];

/** What is known of a failure: its code, and where it arose. */
export interface FailedStep {
  readonly code: string;
  /** The activity that failed; null where none did. */
  readonly step: string | null;
  /** Temporal gave the host up: no word came from it. */
  readonly timedOut: boolean;
  /** The host that refused says that no desktop of the other host would fit. */
  readonly ofHosts: boolean;
}

const AT_TARGET: readonly string[] = ['reserveTarget', 'prepareReplica', 'prepareIncoming'];
/** The target answers well, and has its reasons against this desktop. */
const TARGET_DECLINES: readonly ErrorCode[] = [
  'NO_CAPACITY',
  'PEER_REFUSED',
  'FENCED',
  'ALREADY_EXISTS',
  'MOVE_IN_PROGRESS',
  'INPUT_INVALID',
];
/** What is wrong with the source's machine, not with one of its desktops. */
const OF_THE_MACHINE: readonly ErrorCode[] = [
  'COMMAND',
  'PREREQUISITE',
  'RECORD_UNREADABLE',
  'RECORD_UNWRITTEN',
  'RECORD_NOT_DURABLE',
];
/** The desktop itself cannot leave now, wherever to. */
const OF_THE_DESKTOP: readonly ErrorCode[] = [
  'NOT_OWNER',
  'DESKTOP_DOWN',
  'OUT_OF_SPACE',
  'CONVERGENCE',
  'UNKNOWN_DESKTOP',
];
/** The way between the two hosts. */
const OF_THE_WAY: readonly ErrorCode[] = ['LINK_LOST', 'HOST_UNREACHABLE'];

/** Say with whom the reason of a failure lies. */
export function blameOf({ code, step, timedOut, ofHosts }: FailedStep): Blame {
  const isOne = (codes: readonly string[]) => codes.includes(code);
  if (step === null) return 'move';
  if (ofHosts) return 'hosts';
  if (AT_TARGET.includes(step)) return isOne(TARGET_DECLINES) ? 'move' : 'target';
  if (timedOut) return 'source';
  if (isOne(OF_THE_WAY)) return 'hosts';
  if (isOne(OF_THE_DESKTOP)) return 'desktop';
  return isOne(OF_THE_MACHINE) ? 'source' : 'move';
}
