// Findings of a machine as text: one a paragraph, the worst first, each with its remedy.
import { byLevel, type Finding } from '../../domain/machine/finding.js';
import { plural } from './format.js';
import { printable } from './table.js';

const LABELS = { problem: 'PROBLEM', warning: 'WARNING', note: 'note', ok: 'ok' } as const;
const INDENT = ' '.repeat(9);

/** Render findings; control characters of names from outside do not reach the terminal. */
export function renderFindings(findings: readonly Finding[]): string {
  return byLevel(findings)
    .map(({ level, message, remedy = [] }) =>
      [
        `${LABELS[level].padEnd(INDENT.length)}${printable(message)}`,
        ...remedy.map((step) => `${INDENT}-> ${printable(step)}`),
      ].join('\n'),
    )
    .join('\n');
}

/** How many of each, in one line. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (level: Finding['level']) => findings.filter((f) => f.level === level).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  return problems + warnings === 0
    ? 'nothing wrong'
    : `${plural(problems, 'problem')}, ${plural(warnings, 'warning')}`;
}
