// docs/faults.md, from what was measured. Pure text.
import { cells, faults, FAULTS, nameOf, phases, PHASES, type Cell } from './matrix.js';
import type { Observed } from './observed.js';
import { judge, type Verdict } from './verdict.js';

export interface Machine {
  readonly cores: number;
  readonly node: string;
}

interface CellSum {
  readonly cell: Cell;
  /** Runs that hit their phase. */
  readonly runs: readonly Observed[];
  readonly verdict: Verdict | null;
}

const WORSE: readonly Verdict['kind'][] = ['missed', 'no-target', 'green', 'explained', 'failing'];

/** The runs of a cell, and the worst of their verdicts; null where none hit it. */
function sumUp(cell: Cell, all: readonly Observed[]): CellSum {
  const judged = all
    .filter((run) => nameOf(run) === nameOf(cell))
    .map((run) => ({ run, verdict: judge(run) }))
    .filter(({ verdict }) => verdict.kind !== 'missed');
  const worst = judged.map((j) => j.verdict).sort((a, b) => WORSE.indexOf(b.kind) - WORSE.indexOf(a.kind))[0];
  return { cell, runs: judged.map((j) => j.run), verdict: worst ?? null };
}

/** Runs of a cell that count. */
export function runsOf(cell: Cell, all: readonly Observed[]): number {
  return sumUp(cell, all).runs.length;
}

function inTable({ runs, verdict }: CellSum): string {
  if (verdict === null) return 'not measured yet';
  if (verdict.kind === 'no-target') return '-';
  return `${verdict.kind === 'failing' ? '**failing**' : verdict.kind} (${String(runs.length)})`;
}

const most = (numbers: readonly number[]) => Math.max(...numbers).toFixed(0);

function inList({ cell, runs, verdict }: CellSum): string {
  const safe = runs.map((run) => run.safeS).filter((s) => s !== null);
  const ended = [...new Set(runs.map((run) => run.outcome))].join(', ');
  const repaired = runs.some((run) => run.repaired.length > 0) ? '; the reconcile schedule cleaned up' : '';
  const times = `still ${most(runs.map((run) => run.stillS))} s, safe ${safe.length === 0 ? 'never' : `after ${most(safe)} s`}`;
  const why = (verdict?.why ?? []).map((w) => `; ${w}`).join('');
  return `- \`${nameOf(cell)}\`: ${ended}, ${times}${repaired}${why}`;
}

/** The counts of cells by verdict, for a line. */
export function countsOf(all: readonly Observed[]): string {
  const sums = cells.map((cell) => sumUp(cell, all));
  const of = (kind: Verdict['kind']) => String(sums.filter((s) => s.verdict?.kind === kind).length);
  const open = sums.filter((s) => s.verdict === null).length;
  return `${of('green')} green, ${of('explained')} explained, ${of('failing')} failing, ${of('no-target')} with nothing to hit, ${String(open)} not measured yet, of ${String(cells.length)} cells`;
}

/** The page. */
export function faultsPage(all: readonly Observed[], at: string, machine: Machine): string {
  const sums = new Map(cells.map((cell) => [nameOf(cell), sumUp(cell, all)]));
  const table = [
    `| fault | ${phases.join(' | ')} |`,
    `|---|${phases.map(() => '---').join('|')}|`,
    ...faults.map(
      (fault) =>
        `| ${FAULTS[fault]} | ${phases.map((phase) => inTable(sums.get(nameOf({ phase, fault }))!)).join(' | ')} |`,
    ),
  ];
  const listed = (kind: Verdict['kind']) =>
    [...sums.values()].filter((sum) => sum.verdict?.kind === kind).map(inList);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`## ${title}`, '', ...lines, ''];
  return [
    '# Faults',
    '',
    `What becomes of a move when something dies, hangs, fills up or is cut off in each of its phases. Written by \`npm run bench -- faults\` (${at}, ${String(machine.cores)} cores, Node ${machine.node}); raw figures in \`bench/results/faults.json\`.`,
    '',
    'Two sites with real QEMU, Temporal, dom0, proxies, a NAT and a WAN in namespaces; a small guest that writes to its disk and its memory all the time and checks both, with two TCP connections to its user in which no byte can be lost or doubled unseen.',
    'A cell is green when in all its runs at most one copy ever ran; one runs at its owner at the end, with its disk, its memory and its connections whole; the move has ended, nothing is left behind, and nobody had to lend a hand.',
    'In brackets: how often it was hit. `-`: there is nothing in that phase that the fault could hit.',
    '',
    `${countsOf(all)}.`,
    '',
    ...table,
    '',
    'The phases:',
    '',
    ...phases.map((phase) => `- ${phase}: ${PHASES[phase]}`),
    '',
    ...section('Failing', listed('failing')),
    ...section('Explained', listed('explained')),
    ...section('Green', listed('green')),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
