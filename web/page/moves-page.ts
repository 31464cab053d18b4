// Moves: those under way with their phases, what is held back, what the last ones gave.
import type { VNode } from 'preact';
import { describePhase } from '../../domain/migration/phases.js';
import type { Overview } from '../api.js';
import { progressWords, stepsOf, workflowLink } from '../view/moves.js';
import { ago, duration, plural } from '../view/words.js';
import { html } from './html.js';
import { Gains, place, Steps, UiLink } from './parts.js';
import { linkToDesktop } from './place.js';

export function MovesPage({ overview }: { readonly overview: Overview }): VNode {
  const { loop, atMs } = overview;
  return html`<h1>Moves</h1>
    <p role="status">
      ${loop.moves.length === 0 ? 'No move is under way.' : `${plural(loop.moves.length, 'move')} under way`}
    </p>
    ${loop.moves.map((move) => html`<${UnderWay} key=${move.workflowId} move=${move} overview=${overview} />`)}
    ${
      loop.creating.length > 0 &&
      html`<h2>Being made</h2>
        <ul>
          ${loop.creating.map((c) => html`<li>${c.desktop} at ${place(c.host)}, since ${duration(atMs - c.startedAtMs)}</li>`)}
        </ul>`
    }
    ${
      loop.held.length > 0 &&
      html`<h2>Held back after failures</h2>
        <ul>
          ${loop.held.map((h) => html`<li>${h.what}: ${h.code}, ${h.reason}; again in ${duration(h.untilMs - atMs)}</li>`)}${loop.heldCount > loop.held.length && html`<li>and ${loop.heldCount - loop.held.length} more</li>`}
        </ul>`
    }
    <h2>Ended</h2>
    ${
      loop.recent.length === 0
        ? html`<p class="none">None since the loop began its run.</p>`
        : html`<div class="scroll">
            <table>
              <caption class="hidden">
                Moves that ended last
              </caption>
              <thead>
                <tr>
                  <th>desktop</th>
                  <th>from</th>
                  <th>to</th>
                  <th>cause</th>
                  <th>ended</th>
                  <th></th>
                  <th></th>
                </tr>
              </thead>
              <tbody>
                ${loop.recent.map(
                  (r) =>
                    html`<tr>
                      <td><a href=${linkToDesktop(r.desktop)}>${r.desktop}</a></td>
                      <td>${place(r.from)}</td>
                      <td>${place(r.to)}</td>
                      <td>${r.cause}</td>
                      <td>${ago(r.endedAtMs, atMs)}</td>
                      <td class=${r.outcome}>${r.outcome}</td>
                      <td>${r.error}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
    <h2>Predicted and realised</h2>
    <${Gains} gains=${loop.gains} nowMs=${atMs} />`;
}

function UnderWay({
  move,
  overview,
}: {
  readonly move: Overview['loop']['moves'][number];
  readonly overview: Overview;
}): VNode {
  const status = overview.moves[move.desktop] ?? null;
  return html`<article class="move">
    <h3>
      <a href=${linkToDesktop(move.desktop)}>${move.desktop}</a
      >${status !== null && ` from ${place(status.from)}`} to ${place(move.to)} (${move.cause})
      <${UiLink} href=${workflowLink(overview.temporalUi, move.workflowId)} />
    </h3>
    ${
      status === null
        ? html`<p class="none">It does not answer just now.</p>`
        : html`<p>
              <progress max="100" value=${status.percent} aria-label=${`move of ${move.desktop}`}></progress>
              ${status.percent.toFixed(0)} % ${describePhase(status.phase)}
            </p>
            <${Steps} steps=${stepsOf(status, overview.atMs)} />
            <p>${progressWords(status)}</p>
            <p>${status.reason}</p>`
    }
  </article>`;
}
