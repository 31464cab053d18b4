// `npm run bench -- NAME [options]`: runs bench/NAME.ts, prints its table and writes bench/results/NAME.json.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { BenchResult } from './bench-result.js';

const here = new URL('.', import.meta.url);
const notBenches = new Set(['run.ts', 'bench-result.ts']);
const name = process.argv[2];
const names = (await readdir(here))
  .filter((f) => f.endsWith('.ts') && !notBenches.has(f))
  .map((f) => f.slice(0, -3));

if (name === undefined || !names.includes(name)) {
  console.error(`Usage: npm run bench -- NAME\nBenchmarks: ${names.join(', ')}`);
  process.exit(64);
}

const { run } = (await import(new URL(`${name}.ts`, here).href)) as { run: () => Promise<BenchResult> };
const result = await run();
await mkdir(new URL('results/', here), { recursive: true });
const record = {
  name,
  at: new Date().toISOString(),
  machine: { cores: cpus().length, node: process.version },
  targets: result.targets,
  raw: result.raw,
};
await writeFile(new URL(`results/${name}.json`, here), `${JSON.stringify(record, null, 2)}\n`);
console.log(result.table);
for (const t of result.targets)
  console.log(`${t.met ? 'met   ' : 'NOT met'} ${t.name}: target ${t.target}, measured ${t.measured}`);
