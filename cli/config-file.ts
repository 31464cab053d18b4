// Reads a configuration file: YAML (so JSON too) checked by a schema. Every problem in one error with code CONFIG_INVALID (exit 78).
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { parseInput } from '../domain/model/parse.js';

/**
 * Read and check the YAML file `path`. `purpose` tells the operator what the file should be, e.g. "the cloud's configuration", and
 * `example` is the command that makes one to begin with.
 */
export async function loadConfig<S extends z.ZodType>(
  path: string,
  schema: S,
  purpose: string,
  example?: string,
): Promise<z.output<S>> {
  return parseConfig(await readConfig(path, purpose, example), schema, path);
}

/** Check the text of a YAML file; `name` is what errors call it. */
export async function parseConfig<S extends z.ZodType>(
  text: string,
  schema: S,
  name: string,
): Promise<z.output<S>> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    const problems = document.errors.map((e) => e.message.split('\n')[0]?.replace(/:$/, '') ?? e.message);
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${name}: not valid YAML\n${problems.map((p) => `  - ${p}`).join('\n')}`,
      { details: { problems } },
    );
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    // Aliases that grow without end, or lead nowhere.
    throw new VmshadowError('CONFIG_INVALID', `${name}: not valid YAML\n  - ${messageOf(cause)}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${name}: expected a list of settings (key: value), got ${value === null ? 'an empty file' : Array.isArray(value) ? 'a list' : typeof value}`,
    );
  return parseInput(schema, value, name, 'CONFIG_INVALID');
}

async function readConfig(path: string, purpose: string, example?: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? `${path}: there is no such file. Give ${purpose} with --config FILE.`
      : `${path}: cannot read ${purpose}: ${messageOf(error)}`;
    const begin = example === undefined ? '' : `\nTo begin with an example: ${example}`;
    throw new VmshadowError('CONFIG_INVALID', `${why}${begin}`, { cause: error });
  }
}
