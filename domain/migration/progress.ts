// How far a move is. Two things are counted: how much of disk and memory the target has (zeros included), and what has crossed the wire.
// The bar is of the second, against what is expected to cross in all, since zeros pass in no time; and it never goes back: memory that is
// dirtied again makes what is left more, and the bar waits. `look` is the whole rule.
import { PHASES, type Phase } from './phases.js';
import type { SavedBytes } from './saved-bytes.js';
import { savedInAll } from './saved.js';

export interface MoveProgress {
  /** Of the disk as the guest sees it, zeros and holes included. */
  readonly diskDoneBytes: number;
  readonly diskTotalBytes: number;
  /** What of the disk takes room at the source: about what has to cross. 0: not known. */
  readonly diskUsedBytes: number;
  /** Pages that the target has; falls when a round of pre-copy begins, by those that the guest has written meanwhile. */
  readonly memoryDoneBytes: number;
  readonly memoryTotalBytes: number;
  /** What has crossed the wire so far; null: not known. */
  readonly diskWireBytes: number | null;
  readonly memoryWireBytes: number | null;
  /** What relays have kept off it; missing where there are none, or hosts of a release before. */
  readonly saved?: SavedBytes | undefined;
  /** Bytes a second on the wire, as last measured. */
  readonly bytesPerSecond: number;
  /** Bytes a second that the guest dirties, as last measured. */
  readonly dirtyBytesPerSecond: number;
  /** Round of pre-copy, from 1. */
  readonly round: number;
}

export const NO_PROGRESS: MoveProgress = {
  diskDoneBytes: 0,
  diskTotalBytes: 0,
  diskUsedBytes: 0,
  memoryDoneBytes: 0,
  memoryTotalBytes: 0,
  diskWireBytes: null,
  memoryWireBytes: null,
  bytesPerSecond: 0,
  dirtyBytesPerSecond: 0,
  round: 0,
};

/** What is shown of a move, and what the next look builds on. */
export interface Shown {
  /** 0..100, whole. */
  readonly percent: number;
  /** What the link has lately carried at its best, bytes a second: time left is reckoned with it. */
  readonly paceBytesPerSecond: number;
  /** Milliseconds left until the switchover's end; null while nobody can know. */
  readonly etaMs: number | null;
}

export const NOTHING_SHOWN: Shown = { percent: 0, paceBytesPerSecond: 0, etaMs: null };

/** The most that is shown before the pause: how long the guest's writes keep it off is not known. */
const MOST_BEFORE_SWITCHOVER = 95;
const AT_SWITCHOVER = 97;
/** Of a pace that the link does not show at the moment (zeros pass, the guest is idle), so much is still believed a look later. */
const PACE_KEPT = 0.97;
/** Rounds shrink by dirty rate / link rate each; near 1 that sum has no end, and the convergence rule ends it: so much at most. */
const MOST_CHURN = 0.75;
/** Share of the memory that must have been looked at before it tells how much of the rest will cross. */
const TELLING_SHARE = 0.05;
/** Where the disk's used bytes have crossed and some is left: written meanwhile, or zeros. */
const LEAST_DENSITY = 0.02;

const at = (phase: Phase) => PHASES.indexOf(phase);
const between = (least: number, n: number, most: number) => Math.min(most, Math.max(least, n));

/** Take in what a host reports. Reports may be late: what has crossed the wire never falls. A total of 0 is one not known yet. */
export function takeIn(before: MoveProgress, part: Partial<MoveProgress>): MoveProgress {
  const most = (a: number | null, b: number | null | undefined) =>
    typeof b === 'number' ? Math.max(a ?? 0, b) : a;
  return {
    ...before,
    ...part,
    diskTotalBytes: part.diskTotalBytes || before.diskTotalBytes,
    memoryTotalBytes: part.memoryTotalBytes || before.memoryTotalBytes,
    diskWireBytes: most(before.diskWireBytes, part.diskWireBytes),
    memoryWireBytes: most(before.memoryWireBytes, part.memoryWireBytes),
    saved: part.saved ?? before.saved,
  };
}

/** What the disk still has to put on the wire, bytes. */
function diskLeft(p: MoveProgress, phase: Phase): number {
  if (at(phase) >= at('memory')) return 0;
  const rest = Math.max(0, p.diskTotalBytes - p.diskDoneBytes);
  if (p.diskWireBytes === null || p.diskUsedBytes === 0) return rest;
  // Until memory begins all that relays have saved is of the disk: the rest of it will cross as the first part did.
  const carried = p.diskWireBytes + (p.saved === undefined ? 0 : savedInAll(p.saved) - p.saved.zero);
  const share = carried > 0 ? p.diskWireBytes / carried : 1;
  return Math.min(rest, Math.max(p.diskUsedBytes - carried, rest * LEAST_DENSITY) * share);
}

/** What the memory still has to put on the wire, bytes: this round, and those after it that the guest's writes will make. */
function memoryLeft(p: MoveProgress, phase: Phase): number {
  if (at(phase) >= at('switchover')) return 0;
  const rest = Math.max(0, p.memoryTotalBytes - p.memoryDoneBytes);
  if (phase !== 'memory' || p.round === 0) return p.memoryTotalBytes;
  const looked = p.memoryDoneBytes;
  const telling = p.round === 1 && looked > p.memoryTotalBytes * TELLING_SHARE;
  const density = telling ? between(LEAST_DENSITY, (p.memoryWireBytes ?? looked) / looked, 1) : 1;
  const churn = p.bytesPerSecond > 0 ? between(0, p.dirtyBytesPerSecond / p.bytesPerSecond, MOST_CHURN) : 0;
  return (rest * density) / (1 - churn);
}

/** What has crossed; where that is not known, what the target has. */
function crossed(p: MoveProgress): number {
  return (
    (p.diskWireBytes ?? Math.min(p.diskDoneBytes, p.diskTotalBytes)) +
    (p.memoryWireBytes ?? Math.min(p.memoryDoneBytes, p.memoryTotalBytes))
  );
}

function percentOf(p: MoveProgress, phase: Phase): number {
  if (phase === 'cleanup') return 100;
  if (phase === 'switchover') return AT_SWITCHOVER;
  const done = crossed(p);
  const all = done + diskLeft(p, phase) + memoryLeft(p, phase);
  return all > 0 ? between(0, Math.floor((done / all) * 100), MOST_BEFORE_SWITCHOVER) : 0;
}

/** Tell what to show now, from what was shown before. The percentage never falls; 100 is only shown once the desktop runs at the target. */
export function look(before: Shown, progress: MoveProgress, phase: Phase): Shown {
  const paceBytesPerSecond = Math.max(progress.bytesPerSecond, before.paceBytesPerSecond * PACE_KEPT);
  const left = diskLeft(progress, phase) + memoryLeft(progress, phase);
  const known = phase !== 'preflight' && phase !== 'cleanup' && paceBytesPerSecond >= 1;
  return {
    percent: Math.max(before.percent, percentOf(progress, phase)),
    paceBytesPerSecond,
    etaMs: known ? Math.round((left / paceBytesPerSecond) * 1000) : null,
  };
}
