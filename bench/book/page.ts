// docs/evaluation.md from its chapters. Pure.
import { NOT_MEASURED, type Chapter, type Results } from './chapter.js';

/** What was run, when and where; or that it was not. */
function conditions({ command, bench }: Chapter, results: Results): string {
  const recorded = results(bench);
  const by = command === null ? 'no command yet' : `\`${command}\``;
  if (recorded === null)
    return `Measured by ${by}: ${NOT_MEASURED} here (no \`bench/results/${bench}.json\`).`;
  const { at, machine } = recorded;
  return `Measured by ${by}, ${at.slice(0, 10)}, ${String(machine.cores)} cores, Node ${machine.node}.`;
}

/** Write the book. */
export function bookPage(chapters: readonly Chapter[], results: Results): string {
  return [
    "# The paper's evaluation, and ours",
    '',
    "Written by `npm run bench -- book` from `bench/results`; do not edit. Each table and figure of the paper's evaluation (Guo et al., MMSys 2014) with the paper's numbers beside ours. The paper's curves are known by their text alone.",
    '',
    ...chapters.flatMap((chapter) => [
      `## ${chapter.title}`,
      '',
      `The paper: ${chapter.paper}.`,
      '',
      chapter.body(results),
      '',
      `${conditions(chapter, results)} ${chapter.differs}`,
      '',
    ]),
  ].join('\n');
}
