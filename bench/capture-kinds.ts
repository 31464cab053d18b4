// `npm run bench -- capture-kinds [--group NAME]`: made-up captures of every kind (lab/captures), each held against what is right: headers and
// files that have to be read, sessions on any port, disturbed captures, and traffic that is no session.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { section } from '../cli/render/table.js';
import { judge } from '../lab/captures/judge.js';
import { readKinds } from '../lab/captures/kinds-read.js';
import { judgedKinds } from '../lab/captures/kinds-judged.js';
import type { BenchResult } from './bench-result.js';

export const Options = z.strictObject({
  group: z.string().min(1).optional(),
});

const COLUMNS = [{ head: 'group' }, { head: 'kind' }, { head: 'wrong' }];

/** Run all kinds, or those of one group. */
export async function run({ group }: z.infer<typeof Options>): Promise<BenchResult> {
  const kinds = [...readKinds(), ...judgedKinds()].filter((k) => group === undefined || k.group === group);
  const folder = await mkdtemp(join(tmpdir(), 'vmshadow-kinds-'));
  const path = join(folder, 'capture');
  const judged: { group: string; name: string; wrong: readonly string[] }[] = [];
  try {
    for (const kind of kinds) {
      await writeFile(path, kind.file());
      const { wrong } = await judge(kind, path);
      judged.push({ group: kind.group, name: kind.name, wrong });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const groups = [...new Set(judged.map((j) => j.group))];
  const bad = judged.filter((j) => j.wrong.length > 0);
  return {
    targets: groups.map((name) => {
      const of = judged.filter((j) => j.group === name);
      const wrong = of.filter((j) => j.wrong.length > 0).length;
      return {
        name: `${name}: kinds of captures that are judged wrongly`,
        target: `0 of ${of.length}`,
        measured: String(wrong),
        met: wrong === 0,
      };
    }),
    table: section(
      'KINDS OF CAPTURES JUDGED WRONGLY',
      COLUMNS,
      bad.map((j) => [j.group, j.name, j.wrong.join('; ')]),
      'none',
    ),
    raw: judged,
    forTheRecord: group === undefined,
  };
}
