// Small pieces that several parts of the page are made of.
import type { VNode } from 'preact';
import type { MoveGain } from '../../domain/migration/realised-gain.js';
import type { Trend } from '../api.js';
import { chartOf } from '../view/chart.js';
import { gainWords, type PhaseStep } from '../view/moves.js';
import { ago, duration, ms, rttClass } from '../view/words.js';
import { html } from './html.js';
import { linkToDesktop } from './place.js';

const CHART = { width: 420, height: 130 };

export interface ChartProps {
  readonly title: string;
  readonly trend: Trend;
  /** Names in the trend, and what they are called. */
  readonly lines: Readonly<Record<string, string>>;
  readonly unit?: string;
  readonly top?: number;
  readonly digits?: number;
  readonly marks?: readonly { readonly atMs: number; readonly name: string }[];
}

/** How figures went, with the last ones in words: nobody needs the drawing to read them. */
export function Chart({
  title,
  trend,
  lines,
  unit = '',
  top = 0,
  digits = 0,
  marks = [],
}: ChartProps): VNode {
  const names = Object.keys(lines);
  const chart = chartOf({ trend, names, ...CHART, top, marks });
  const words = (value: number | null) => (value === null ? 'not known' : `${value.toFixed(digits)}${unit}`);
  const spoken = chart.lines.map(({ name, last }) => `${lines[name] ?? name} ${words(last)}`).join(', ');
  return html`<figure class="chart">
    <figcaption>
      ${title}${chart.spanMs > 0 && html`<small>${` the last ${duration(chart.spanMs)}`}</small>`}
    </figcaption>
    <svg viewBox=${`0 0 ${CHART.width} ${CHART.height}`} role="img" aria-label=${`${title}: now ${spoken}`}>
      ${chart.ticks.map(
        ({ y, value }) =>
          html`<g class="tick"
            ><line x1="44" x2=${CHART.width} y1=${y} y2=${y} /><text x="38" y=${y + 4}>${value}</text></g
          >`,
      )}
      ${chart.marks.map(({ x, name }) => html`<line class="mark" x1=${x} x2=${x} y1="8" y2=${CHART.height - 8}><title>${name}</title></line>`)}
      ${chart.lines.map(
        ({ path, end }, i) =>
          html`<g class=${`line line-${i % 8}`}
            ><path d=${path} />${end !== null && html`<circle cx=${end[0]} cy=${end[1]} r="3" />`}</g
          >`,
      )}
    </svg>
    <ul class="legend">
      ${chart.lines.map(({ name, last }, i) => html`<li class=${`line-${i % 8}`}><i aria-hidden="true"></i>${lines[name] ?? name}: <b>${words(last)}</b></li>`)}
    </ul>
  </figure>`;
}

export function Bar({
  part,
  whole,
  label,
}: {
  readonly part: number;
  readonly whole: number;
  readonly label: string;
}): VNode {
  return html`<meter min="0" max=${Math.max(whole, 1)} value=${part} aria-label=${label}></meter>`;
}

export function Rtt({ value }: { readonly value: number | null }): VNode {
  return html`<span class=${`rtt rtt-${rttClass(value)}`}>${ms(value)}</span>`;
}

export function Steps({ steps }: { readonly steps: readonly PhaseStep[] }): VNode {
  return html`<ol class="steps">
    ${steps.map(({ phase, state, took }) => html`<li class=${state} aria-current=${state === 'now' ? 'step' : undefined}>${phase}${took !== '' && html` <small>${took}</small>`}</li>`)}
  </ol>`;
}

export function Gains({
  gains,
  nowMs,
}: {
  readonly gains: readonly MoveGain[];
  readonly nowMs: number;
}): VNode {
  if (gains.length === 0) return html`<p class="none">No move has been compared yet.</p>`;
  return html`<div class="scroll">
    <table>
      <caption>
        What moves gave, beside what was predicted
      </caption>
      <thead>
        <tr>
          <th>desktop</th>
          <th>from</th>
          <th>to</th>
          <th>ended</th>
          <th>what</th>
          <th>before</th>
          <th>predicted</th>
          <th>realised</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        ${gains.map((gain) => {
          const words = gainWords(gain);
          return html`<tr>
            <td><a href=${linkToDesktop(gain.desktop)}>${gain.desktop}</a></td>
            <td>${place(gain.from)}</td>
            <td>${place(gain.to)}</td>
            <td>${ago(gain.endedAtMs, nowMs)}</td>
            <td>${words.what}</td>
            <td>${words.before}</td>
            <td>${words.predicted}</td>
            <td>${words.realised}</td>
            <td class=${gain.verdict}>${words.verdict}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

export const place = ({ site, host }: { readonly site: string; readonly host: string }) => `${site}/${host}`;

/** A link that leaves the page for the Temporal UI. */
export function UiLink({ href }: { readonly href: string | null }): VNode | null {
  return href === null
    ? null
    : html`<a href=${href} target="_blank" rel="noreferrer noopener">in the Temporal UI</a>`;
}
