// Small JSON files that survive a crash and are readable by their owner only. A reader sees the old or the new content, never a part.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { VmshadowError } from '../domain/errors.js';
import { parseInput } from '../domain/model/parse.js';
import { readTextIfThere, writeDurably } from './durable-file.js';

/** Write `value` to `file` so that it is there after a crash. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, `${JSON.stringify(value, null, 2)}\n`, 0o600);
}

/** Read a file that `writeJson` wrote; null when there is none, CONFIG_INVALID when it is not what `schema` expects. */
export async function readJson<S extends z.ZodType>(file: string, schema: S): Promise<z.output<S> | null> {
  const text = await readTextIfThere(file);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${file} is not JSON: restore it, or remove it to start afresh`,
      {
        cause,
      },
    );
  }
  return parseInput(schema, value, file, 'CONFIG_INVALID');
}
