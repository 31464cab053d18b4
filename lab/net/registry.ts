// What a world has made, on disk, so that a crashed run can be cleaned up by anybody: one file a prefix in /run/vmshadow-lab.
// It is written before the first namespace is made and removed after the last thing is gone. Namespaces are found by their prefix;
// only processes and files outside them are listed.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { processStart } from './commands.js';

/** /run is emptied at boot, as namespaces are. */
export const REGISTRY_FOLDER = '/run/vmshadow-lab';

const Owner = z.object({ pid: z.number().int(), start: z.string() });
const Entry = z.object({
  prefix: z.string(),
  owner: Owner,
  /** Processes outside the namespaces. */
  processes: z.array(Owner).default([]),
  /** Files and folders to remove. */
  paths: z.array(z.string()).default([]),
});
export type RegistryEntry = z.infer<typeof Entry>;

const fileOf = (prefix: string) => join(REGISTRY_FOLDER, `${prefix}.json`);

/** Write an entry, whole or not at all. */
export function writeEntry(entry: RegistryEntry): void {
  mkdirSync(REGISTRY_FOLDER, { recursive: true });
  const file = fileOf(entry.prefix);
  writeFileSync(`${file}.new`, JSON.stringify(entry));
  renameSync(`${file}.new`, file);
}

/** The entry of a prefix; null when there is none (or none that can be read: then the prefix alone must do). */
export function readEntry(prefix: string): RegistryEntry | null {
  try {
    return Entry.parse(JSON.parse(readFileSync(fileOf(prefix), 'utf8')));
  } catch {
    return null;
  }
}

export function removeEntry(prefix: string): void {
  rmSync(fileOf(prefix), { force: true });
}

/** Prefixes of all worlds that exist or crashed. */
export function listPrefixes(): string[] {
  try {
    return readdirSync(REGISTRY_FOLDER).flatMap((name) => /^(.+)\.json$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** Name this process, or another that runs. */
export function identify(pid: number): { pid: number; start: string } {
  return { pid, start: processStart(pid) ?? '' };
}

/** Tell whether the process of an entry still runs: the same ID with another start time is somebody else. */
export function isAlive(owner: { readonly pid: number; readonly start: string }): boolean {
  return owner.start !== '' && processStart(owner.pid) === owner.start;
}
