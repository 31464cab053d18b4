// The demo's last word on the terminal: figures with the paper's beside them, then the checks.
import { renderTable, indent } from '../../cli/render/table.js';
import { brokenPromises, type DemoResult } from './demo-result.js';
import { checkRows, figureRows } from './report-rows.js';

/** Render the final table. */
export function renderDemoTable(result: DemoResult): string {
  const figures = renderTable(
    [{ head: 'figure' }, { head: 'measured' }, { head: 'paper' }],
    figureRows(result).map((r) => [r.label, r.value, r.paper ?? '']),
  );
  const checks = checkRows(result).map((c) => `${c.kept ? 'ok  ' : 'FAIL'}  ${c.label}`);
  const broken = brokenPromises(result);
  const verdict = broken.length === 0 ? 'All promises were kept.' : `Not kept: ${broken.join('; ')}.`;
  return [figures, '', 'checks', indent(checks.join('\n')), '', verdict].join('\n');
}
