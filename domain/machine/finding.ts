// What a look at a machine found: how bad it is, what it is about, and what to do.

/** `problem`: it does not work so; `warning`: it works, worse than it could or not for long; `note`: good to know. */
export type Level = 'problem' | 'warning' | 'note' | 'ok';

export interface Finding {
  readonly level: Level;
  /** What it is about, for programs: `uplink`, `port`, `program:nft` ... */
  readonly about: string;
  readonly message: string;
  /** Commands, or words, each a step. */
  readonly remedy?: readonly string[];
}

/** Make a finding; without a remedy there is nothing to be done. */
export function finding(level: Level, about: string, message: string, ...remedy: string[]): Finding {
  return { level, about, message, ...(remedy.length === 0 ? {} : { remedy }) };
}

const LEVELS: readonly Level[] = ['problem', 'warning', 'note', 'ok'];

/** The worst first; within a level as they were found. */
export function byLevel(findings: readonly Finding[]): Finding[] {
  return LEVELS.flatMap((level) => findings.filter((f) => f.level === level));
}

/** Tell whether something is wrong. */
export function hasProblem(findings: readonly Finding[]): boolean {
  return findings.some((f) => f.level === 'problem');
}
