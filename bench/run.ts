// `npm run bench -- NAME [options]`: runs bench/NAME.ts, prints its table, and writes bench/results/NAME.json (raw figures) and
// NAME.md (the table and the targets). Exit 64 for a wrong command line.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { z } from 'zod';
import type { BenchResult } from './bench-result.js';
import { checkOptions, NoOptions, parseBenchCommand } from './command-line.js';
import { recordPage, targetLine } from './record.js';

const here = new URL('.', import.meta.url);
const notBenches = new Set(['run.ts', 'bench-result.ts', 'command-line.ts', 'kept-cells.ts', 'record.ts']);
const names = (await readdir(here))
  .filter((f) => f.endsWith('.ts') && !notBenches.has(f))
  .map((f) => f.slice(0, -3));

function refuse(problem: string): never {
  console.error(`${problem}\nUsage: npm run bench -- NAME [options]\nBenchmarks: ${names.join(', ')}`);
  process.exit(64);
}

const command = parseBenchCommand(process.argv.slice(2), names);
if ('problem' in command) refuse(command.problem);
const { name, given } = command;
const bench = (await import(new URL(`${name}.ts`, here).href)) as {
  Options?: z.ZodType;
  run: (options: unknown) => Promise<BenchResult>;
};
const checked = checkOptions(bench.Options ?? NoOptions, given);
if ('problem' in checked) refuse(`${name}: ${checked.problem}`);

const result = await bench.run(checked.options);
console.log(result.table);
for (const t of result.targets) console.log(targetLine(t));
if (result.forTheRecord ?? true) {
  const at = new Date().toISOString();
  const machine = { cores: cpus().length, node: process.version };
  const raw = { name, at, machine, targets: result.targets, raw: result.raw };
  const files = {
    [`${name}.json`]: `${JSON.stringify(raw, null, 2)}\n`,
    [`${name}.md`]: recordPage(name, at, machine, result),
    ...result.files,
  };
  await mkdir(new URL('results/', here), { recursive: true });
  for (const [file, content] of Object.entries(files))
    await writeFile(new URL(`results/${file}`, here), content);
  console.log(`Written to bench/results: ${Object.keys(files).join(', ')}`);
}
