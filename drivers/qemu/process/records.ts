// What the driver remembers durably: one JSON file a desktop of this host, a move that comes in, a disk that was set aside. A record is
// replaced whole. Records that cannot be read are an error with the file's name, never skipped: they may stand for a running desktop.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Port } from '../../../domain/model/address.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { DesktopId } from '../../../domain/model/ids.js';
import { parseInput } from '../../../domain/model/parse.js';
import { VmshadowError } from '../../../domain/errors.js';
import { isMissing, readTextIfThere, writeDurably } from '../../../os/durable-file.js';

/** A desktop of this host. */
export const DesktopRecord = z.object({
  definition: DesktopDefinition,
  tap: z.string().min(1).max(15),
  /** Which copy's files are the desktop's (layout.ts). */
  copy: z.string(),
  /** A copy that should run and has no process has crashed. */
  wanted: z.enum(['running', 'stopped']),
  /** SHA-256 of the view taken when the copy was activated, once it is known. */
  viewSha256: z.string().nullable().default(null),
});
export type DesktopRecord = z.infer<typeof DesktopRecord>;

/** A move that this host is the target of. */
export const IncomingRecord = z.object({
  desktop: DesktopId,
  moveId: z.string(),
  definition: DesktopDefinition,
  /** Known once memory is expected. */
  tap: z.string().min(1).max(15).nullable(),
  diskPort: Port,
  memoryPort: Port,
  /** `activated` is written before the copy runs: after a crash it tells "may have run" from "never ran". */
  phase: z.enum(['prepared', 'activated']),
});
export type IncomingRecord = z.infer<typeof IncomingRecord>;

/** A disk that a desktop left behind. */
export const RetiredRecord = z.object({
  desktop: DesktopId,
  moveId: z.string(),
  definition: DesktopDefinition,
  copy: z.string(),
});
export type RetiredRecord = z.infer<typeof RetiredRecord>;

/** Read a record; null when there is none. */
export async function readRecord<S extends z.ZodType>(schema: S, path: string): Promise<z.output<S> | null> {
  const text = await readTextIfThere(path);
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new VmshadowError('INTERNAL', `${path} is no JSON; restore it or move it away`, { cause: error });
  }
  return parseInput(schema, json, path, 'INTERNAL');
}

/** Write a record durably. */
export async function writeRecord(
  path: string,
  record: DesktopRecord | IncomingRecord | RetiredRecord,
): Promise<void> {
  await writeDurably(path, `${JSON.stringify(record, null, 2)}\n`, 0o600);
}

/** Read all records of a folder whose names begin with `prefix`. */
export async function readRecords<S extends z.ZodType>(
  schema: S,
  folder: string,
  prefix = '',
): Promise<z.output<S>[]> {
  let names: string[];
  try {
    names = (await readdir(folder))
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const records = await Promise.all(names.map((name) => readRecord(schema, join(folder, name))));
  return records.filter((record): record is Exclude<typeof record, null> => record !== null);
}
