// One desktop: how it is, why it ranks so, how its figures went, and its moves.
import type { VNode } from 'preact';
import type { PastMove } from '../../temporal/past-moves.js';
import type { DesktopDetail, Overview, TemporalUi } from '../api.js';
import { endOf, gainWords, progressWords, stepsOf, workflowLink } from '../view/moves.js';
import { bytes, duration, moment, ms, plural, rank } from '../view/words.js';
import { useAnswer } from './answers.js';
import { html } from './html.js';
import { Chart, place, Rtt, Steps, UiLink } from './parts.js';

const EVERY_MS = 5_000;

export function DesktopPage({
  id,
  version,
  overview,
}: {
  readonly id: string;
  readonly version: string;
  readonly overview: Overview;
}): VNode {
  const { value, problem } = useAnswer<DesktopDetail>(
    `/api/desktops/${encodeURIComponent(id)}`,
    version,
    EVERY_MS,
  );
  return html`<p><a id="back" href="#desktops">all desktops</a></p>
    <h1>${id}</h1>
    ${problem !== null && html`<p role="alert" class="problem">${problem}</p>`}
    ${value === null ? problem === null && html`<p>Asking ...</p>` : html`<${Detail} detail=${value} overview=${overview} />`}`;
}

function Detail({
  detail,
  overview,
}: {
  readonly detail: DesktopDetail;
  readonly overview: Overview;
}): VNode {
  const { desktop: d, moves, trend } = detail;
  const marks = moves.flatMap(({ endedAtMs, status }) =>
    endedAtMs === null || status?.outcome !== 'moved'
      ? []
      : [{ atMs: endedAtMs, name: `moved to ${place(status.to)}` }],
  );
  const present = d.predicted.length === 0 ? null : d.rttMs;
  return html`<dl class="facts">
      <div>
        <dt>at</dt>
        <dd>${place(d.host)}</dd>
      </div>
      <div>
        <dt>state</dt>
        <dd>${d.state}</dd>
      </div>
      <div>
        <dt>rank</dt>
        <dd>${rank(d.rank)}</dd>
      </div>
      <div>
        <dt>round trip</dt>
        <dd><${Rtt} value=${d.rttMs} /></dd>
      </div>
      <div>
        <dt>user</dt>
        <dd>${d.user ?? 'not known'}</dd>
      </div>
      <div>
        <dt>address</dt>
        <dd>${d.external ?? 'none'}</dd>
      </div>
      <div>
        <dt>size</dt>
        <dd>${plural(d.vcpus, 'CPU')}, ${d.memoryMiB} MiB, disk ${d.diskMiB} MiB</dd>
      </div>
    </dl>
    ${d.problem !== null && html`<p class="problem">${d.problem}</p>`}
    <div class="charts">
      <${Chart}
        title="Response and round trip"
        trend=${trend}
        lines=${{ response: 'response', rtt: 'round trip' }}
        unit=" ms"
        marks=${marks}
      />
      <${Chart} title="Rank" trend=${trend} lines=${{ rank: 'rank' }} top=${1} digits=${2} marks=${marks} />
    </div>
    <div class="columns">
      <section>
        <h2>Why it ranks so</h2>
        ${
          d.reasons.length === 0
            ? html`<p class="none">Nothing is known of it yet.</p>`
            : html`<ul>
                ${d.reasons.map((reason) => html`<li>${reason}</li>`)}
              </ul>`
        }
      </section>
      <section>
        <h2>Round trips to sites</h2>
        <table>
          <caption class="hidden">
            Round trips of its user
          </caption>
          <tbody>
            ${Object.entries(d.rtts)
              .sort(([, a], [, b]) => a - b)
              .slice(0, 12)
              .map(
                ([site, rttMs]) =>
                  html`<tr key=${site}>
                    <td>${site}${site === d.host.site && ' (here)'}</td>
                    <td class="figure"><${Rtt} value=${rttMs} /></td>
                  </tr>`,
              )}
          </tbody>
        </table>
      </section>
      ${
        present !== null &&
        html`<section>
          <h2>What distance does to it</h2>
          <table>
            <caption class="hidden">
              Predicted by round trip
            </caption>
            <thead>
              <tr>
                <th>round trip</th>
                <th>frames/s</th>
                <th>response</th>
              </tr>
            </thead>
            <tbody>
              ${d.predicted.map(
                (p) =>
                  html`<tr key=${p.rttMs}>
                    <td class="figure">${ms(p.rttMs)}</td>
                    <td class="figure">${p.framesPerSecond?.toFixed(1)}</td>
                    <td class="figure">${ms(p.responseMs)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </section>`
      }
    </div>
    <h2>Moves</h2>
    ${moves.length === 0 && html`<p class="none">Temporal keeps no move of it.</p>`}
    ${moves.map((move) => html`<${Past} key=${move.runId} move=${move} desktop=${d.desktop} nowMs=${overview.atMs} ui=${overview.temporalUi} />`)}`;
}

function Past({
  move,
  desktop,
  nowMs,
  ui,
}: {
  readonly move: PastMove;
  readonly desktop: string;
  readonly nowMs: number;
  readonly ui: TemporalUi | null;
}): VNode {
  const { status, gain } = move;
  const end = endOf(move);
  const words = gain === null ? null : gainWords(gain);
  return html`<article class="move">
    <h3>
      ${moment(move.startedAtMs)}${status !== null && `: ${place(status.from)} to ${place(status.to)}`}
      <span class=${end.replaceAll(' ', '-')}>${end}</span>
      <${UiLink} href=${workflowLink(ui, `migrate/${desktop}`, move.runId)} />
    </h3>
    ${
      status === null
        ? html`<p class="none">It left no account of itself.</p>`
        : html`<p>${status.reason}</p>
            <${Steps} steps=${stepsOf(status, nowMs)} />
            <p>
              ${status.outcome === 'running' ? progressWords(status) : `${bytes(status.wanBytes.disk + status.wanBytes.memory)} over the WAN, downtime ${ms(status.downtimeMs)}, took ${duration((move.endedAtMs ?? nowMs) - move.startedAtMs)}`}
            </p>
            ${words !== null && html`<p>${words.what}: ${words.before} before, ${words.predicted} predicted, ${words.realised} realised: <b class=${gain?.verdict}>${words.verdict}</b></p>`}
            ${status.error !== null && html`<p class="problem">${status.error.code}: ${status.error.message}</p>`}`
    }
  </article>`;
}
