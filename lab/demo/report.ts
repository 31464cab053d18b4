// demo-report/index.html: one page that works offline. Pure: figures and series in, HTML out.
import { describePhase, PHASES } from '../../domain/migration/phases.js';
import { formatBytes, formatMs, formatRank } from '../../cli/render/format.js';
import { brokenPromises, type DemoResult } from './demo-result.js';
import type { DemoSeries, DesktopSeries } from './demo-series.js';
import { escapeHtml } from './report-escape.js';
import { renderPlots } from './report-plot.js';
import { checkRows, figureRows } from './report-rows.js';
import { REPORT_STYLE } from './report-style.js';

export interface ReportInput {
  readonly result: DemoResult;
  readonly series: DemoSeries;
  /** One sentence about the world: sites, RTTs, WAN rate, size of the desktops. */
  readonly world: string;
}

/** Render the whole page. */
export function renderReport({ result, series, world }: ReportInput): string {
  const date = new Date(series.startedAtMs).toISOString().slice(0, 16).replace('T', ' ');
  const broken = brokenPromises(result);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VMShadow: a desktop follows its user</title>
<style>
${REPORT_STYLE}
</style>
</head>
<body>
<h1>A desktop follows its user</h1>
<p class="soft">${escapeHtml(world)} Measured on ${date} UTC by <code>npm run demo</code>.</p>
<p class="${broken.length === 0 ? 'ok' : 'fail'}">${broken.length === 0 ? 'All promises were kept.' : escapeHtml(`Not kept: ${broken.join('; ')}.`)}</p>
${renderTiles(result)}
<h2>Response time over time</h2>
<p>Time between a VNC client's request for a frame and the frame. The client asks for the next one when it has the last, so the round trip is its floor.</p>
${renderPanels(series)}
${renderLegend(result)}
<h2>Figures</h2>
<div class="scroll"><table>
<thead><tr><th>figure</th><th>measured</th><th>paper (1 GB memory, 2 GB disk, 60 Mbit/s)</th></tr></thead>
<tbody>
${figureRows(result)
  .map(
    (r) =>
      `<tr><td>${escapeHtml(r.label)}</td><td>${escapeHtml(r.value)}</td><td>${escapeHtml(r.paper ?? '')}</td></tr>`,
  )
  .join('\n')}
</tbody></table></div>
<h2>Checks</h2>
<div class="scroll"><table><tbody>
${checkRows(result)
  .map(
    (c) =>
      `<tr><td class="${c.kept ? 'ok' : 'fail'}">${c.kept ? 'kept' : 'broken'}</td><td>${escapeHtml(c.label)}</td></tr>`,
  )
  .join('\n')}
</tbody></table></div>
<p class="soft">The same figures for programs: <code>result.json</code> beside this page.</p>
</body>
</html>
`;
}

function renderTiles(result: DemoResult): string {
  const { before, after } = result.responseMs;
  const tiles: [string, string][] = [
    [`${formatMs(before.median)} → ${formatMs(after.median)}`, 'median response time before and after'],
    [formatMs(result.gapMs), `longest gap the user saw (downtime: ${formatMs(result.downtimeMs)})`],
    [formatBytes(result.wanBytes.disk + result.wanBytes.memory), 'on the WAN, disk and memory'],
  ];
  return `<div class="tiles">${tiles.map(([value, label]) => `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`).join('')}</div>`;
}

function renderPanels(series: DemoSeries): string {
  const plots = renderPlots(series);
  return series.desktops
    .map((d, i) => `<h3>${escapeHtml(panelTitle(d, series))}</h3>\n${plots[i] ?? ''}`)
    .join('\n');
}

function panelTitle(desktop: DesktopSeries, series: DemoSeries): string {
  const moved = series.moves.some((m) => m.desktop === desktop.desktop);
  return `${desktop.desktop} ${desktop.activity}: rank ${formatRank(desktop.rank)}, ${moved ? 'moved' : 'stays where it is'}`;
}

function renderLegend(result: DemoResult): string {
  const phases = PHASES.filter((p) => result.phaseMs[p] !== undefined).map(
    (p) => `<li class="key ${p}" title="${describePhase(p)}">${p} ${formatMs(result.phaseMs[p])}</li>`,
  );
  return `<ul class="legend">${phases.join('')}<li class="key dot">a frame</li><li class="key line">median of each second</li><li class="key cut">above the axis</li></ul>`;
}
