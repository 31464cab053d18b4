// What is kept of a run: the table and the targets as Markdown for people. Pure text.
import type { BenchResult, BenchTarget } from './bench-result.js';

/** One line a target, as printed. */
export const targetLine = (t: BenchTarget): string =>
  `${t.met ? 'met   ' : 'NOT met'} ${t.name}: target ${t.target}, measured ${t.measured}`;

/** A table that is Markdown itself stays as it is; columns made with spaces need a fence. */
function asMarkdown(table: string): string {
  const text = table.trimEnd();
  return /^\|( ?-+ ?\|)+$/m.test(text) ? text : `\`\`\`text\n${text}\n\`\`\``;
}

/** The page bench/results/NAME.md. */
export function recordPage(
  name: string,
  at: string,
  machine: { cores: number; node: string },
  result: Pick<BenchResult, 'targets' | 'table' | 'files'>,
): string {
  const plots = Object.keys(result.files ?? {})
    .filter((file) => file.endsWith('.svg'))
    .flatMap((file) => [`![${name}](${file})`, '']);
  const targets = result.targets.map(
    (t) => `- **${t.met ? 'met' : 'NOT met'}** ${t.name}: target ${t.target}; measured ${t.measured}`,
  );
  return [
    `# ${name}`,
    '',
    `\`npm run bench -- ${name}\`, ${at}, ${machine.cores} cores, Node ${machine.node}. Written by bench/run.ts.`,
    '',
    '## Targets',
    '',
    ...targets,
    '',
    '## Measured',
    '',
    asMarkdown(result.table),
    '',
    ...plots,
  ].join('\n');
}
