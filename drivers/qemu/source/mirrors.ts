// Several mirrors as one copy, as pure functions: what they have done together, and how they share the move's cap. The cap is the sum of the
// limits in force in QEMU, so that a worker that takes over needs to remember nothing.
import type { CopyProgress } from '../../../ports/hypervisor.js';
import type { BlockJob, Job } from '../qmp/qmp-replies.js';

export interface Mirror {
  readonly job: string;
  readonly state: CopyProgress['state'];
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly error: string | null;
  /** Its limit, bytes a second. */
  readonly speed: number;
}

/** Read the mirrors of these names from QEMU's jobs: those that work, and all with those that have ended. */
export function mirrorsOf(
  names: readonly string[],
  running: readonly BlockJob[],
  jobs: readonly Job[],
): Mirror[] {
  return names.map((name) => {
    const works = running.find((job) => job.device === name);
    const figures = { job: name, doneBytes: works?.offset ?? 0, totalBytes: works?.len ?? 0 };
    if (works !== undefined && works.error === undefined) {
      const state = !works.ready ? 'copying' : works['actively-synced'] === true ? 'synchronous' : 'ready';
      return { ...figures, state, error: null, speed: works.speed };
    }
    const ended = jobs.find((job) => job.id === name);
    if (ended === undefined) return { ...figures, state: 'none', error: null, speed: 0 };
    const error = ended.error ?? works?.error ?? `the mirror job is ${ended.status}`;
    return { ...figures, state: 'failed', error, speed: 0 };
  });
}

/** From what is least done to what is most: the whole is no further than its last. */
const ORDER = ['copying', 'ready', 'synchronous'] as const;

/** What the mirrors are together: one that failed, or that is missing where others are there, is a copy that failed. */
export function copyOf(mirrors: readonly Mirror[]): Omit<CopyProgress, 'wireBytes'> {
  const sum = (key: 'doneBytes' | 'totalBytes') => mirrors.reduce((n, m) => n + m[key], 0);
  const figures = { doneBytes: sum('doneBytes'), totalBytes: sum('totalBytes') };
  if (mirrors.every((m) => m.state === 'none')) return { ...figures, state: 'none', error: null };
  const failed = mirrors.find((m) => m.state === 'failed');
  if (failed !== undefined) return { ...figures, state: 'failed', error: failed.error };
  const missing = mirrors.find((m) => m.state === 'none');
  if (missing !== undefined)
    return { ...figures, state: 'failed', error: `${missing.job} is not there, and other disks are copied` };
  const state = ORDER.find((s) => mirrors.some((m) => m.state === s)) ?? 'failed';
  return { ...figures, state, error: null };
}

interface Left {
  readonly remainingBytes: number;
  readonly totalBytes: number;
}

/** What is done of a disk still needs something for what its guest writes. */
const LEAST_SHARE = 0.02;
/** A share that differs by less is left as it is: each change is a command. */
const WORTH_CHANGING = 0.2;

/** Share a cap so that all end at about the same time: bytes a second for each, at least 1, together the cap. */
export function sharesOf(cap: number, all: readonly Left[]): number[] {
  const whole = all.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const weights = all.map(({ remainingBytes }) => remainingBytes + LEAST_SHARE * whole + 1);
  const sum = weights.reduce((a, b) => a + b, 0);
  const shares = weights.map((weight) => Math.max(1, Math.floor((cap * weight) / sum)));
  const rest = cap - shares.reduce((a, b) => a + b, 0);
  return shares.map((share, i) => (i === 0 ? Math.max(1, share + rest) : share));
}

/** The limits that mirrors should get: of a new cap, or (null) of the one in force where what is left has changed much. */
export function newShares(cap: number | null, mirrors: readonly Mirror[]): { job: string; speed: number }[] {
  const now = mirrors.reduce((sum, { speed }) => sum + speed, 0);
  const shares = sharesOf(
    cap ?? now,
    mirrors.map(({ doneBytes, totalBytes }) => ({ remainingBytes: totalBytes - doneBytes, totalBytes })),
  );
  const wanted = mirrors.map(({ job, speed }, i) => ({ job, before: speed, speed: shares[i] ?? speed }));
  // All or none: one alone would change their sum.
  const far = wanted.some(({ before, speed }) => Math.abs(speed - before) > WORTH_CHANGING * before);
  return cap !== null || far ? wanted.map(({ job, speed }) => ({ job, speed })) : [];
}
