// `vmshadow keys payload`: makes and replaces the keys that payloads are encrypted with (temporal/payload-keys.ts). A key is replaced in three
// steps, with the file copied to every machine after each: --add, --use, and --remove when no history is left that was written with the old one.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { readTextIfThere, writeDurably } from '../../os/durable-file.js';
import { KEY_BYTES, KEYS_VARIABLE, readPayloadKeys, type PayloadKeys } from '../../temporal/payload-keys.js';
import { parseArguments, usageError } from '../arguments.js';
import type { CliContext } from '../context.js';

const Options = z.object({
  file: z.string().min(1),
  add: z.boolean().default(false),
  use: z.string().optional(),
  remove: z.string().optional(),
  json: z.boolean().default(false),
});

/** Run `vmshadow keys payload`. */
export async function payloadKeysCommand(context: CliContext, raw: unknown): Promise<void> {
  const { file, add, use, remove, json } = parseArguments(Options, raw, 'keys payload');
  if ([add, use !== undefined, remove !== undefined].filter(Boolean).length > 1)
    throw usageError('keys payload', 'expected one of --add, --use and --remove');
  const known = (await readTextIfThere(file)) === null ? null : readPayloadKeys(file);
  const next = change(known, { add, use, remove }, file);
  if (next !== known) await writeDurably(file, `${JSON.stringify(next, null, 2)}\n`, 0o600);
  const ids = Object.keys(next.keys);
  context.out(
    json
      ? JSON.stringify({ file, write: next.write, keys: ids })
      : [
          ...ids.map(
            (id) => `${id}  ${id === next.write ? 'new payloads are written with it' : 'read only'}`,
          ),
          ...(next === known
            ? []
            : [
                `${file} is written. Copy it to every machine that runs \`vmshadow\` against this server, name it there in ${KEYS_VARIABLE}, and restart managers and dom0s.`,
              ]),
        ].join('\n'),
  );
}

function change(
  known: PayloadKeys | null,
  { add, use, remove }: { add: boolean; use: string | undefined; remove: string | undefined },
  file: string,
): PayloadKeys {
  if (known === null) {
    if (use !== undefined || remove !== undefined)
      throw new VmshadowError(
        'PREREQUISITE',
        `there is no file ${file}; without an option it is made, with a first key`,
      );
    const id = newId();
    return { write: id, keys: { [id]: newKey() } };
  }
  // Written with only when every machine can read with it.
  if (add) return { ...known, keys: { ...known.keys, [newId()]: newKey() } };
  if (use !== undefined) return { ...known, write: mustHave(known, use, file) };
  if (remove === undefined) return known;
  if (mustHave(known, remove, file) === known.write)
    throw new VmshadowError(
      'INPUT_INVALID',
      `new payloads are written with ${remove}: --use another key first`,
    );
  return { ...known, keys: Object.fromEntries(Object.entries(known.keys).filter(([id]) => id !== remove)) };
}

function mustHave(known: PayloadKeys, id: string, file: string): string {
  if (Object.hasOwn(known.keys, id)) return id;
  throw new VmshadowError(
    'INPUT_INVALID',
    `${file} has no key ${id}; it has ${Object.keys(known.keys).join(', ')}`,
  );
}

/** Never given twice, also when a key was removed: an old payload would be tried with another key. */
const newId = (): string => `${new Date().toISOString().slice(0, 10)}-${randomBytes(4).toString('hex')}`;
const newKey = (): string => randomBytes(KEY_BYTES).toString('base64');
