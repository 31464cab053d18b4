// The last plan: what would move and what that would give, and why the other candidates stay.
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Overview, Plan } from '../api.js';
import { ms, plural } from '../view/words.js';
import { useAnswer } from './answers.js';
import { html } from './html.js';
import { linkToDesktop } from './place.js';

/** So many of those that stay, until somebody asks for more. */
const SHOWN = 100;

export function PlanPage({
  overview,
  version,
}: {
  readonly overview: Overview;
  readonly version: string;
}): VNode {
  const { value, problem } = useAnswer<Plan>('/api/plan', version);
  const [shown, setShown] = useState(SHOWN);
  const plan = value?.plan ?? null;
  return html`<h1>Plan</h1>
    ${problem !== null && html`<p role="alert" class="problem">${problem}</p>`}
    ${
      plan === null
        ? html`<p class="none">${value === null ? 'Asking ...' : 'There was no plan yet.'}</p>`
        : html`<p>
              ${`Of cycle ${String(overview.loop.cycle)}, by ${plan.algorithm}: ${plural(plan.moves.length, 'move')}. ${overview.loop.acting ? 'The loop acts on it.' : 'The loop only plans: it moves nothing by itself.'}`}
            </p>
            <div class="scroll">
              <table>
                <caption>
                  What would move, and what it would give
                </caption>
                <thead>
                  <tr>
                    <th>desktop</th>
                    <th>from</th>
                    <th>to</th>
                    <th>wave</th>
                    <th>round trip</th>
                    <th>benefit</th>
                    <th>cost</th>
                    <th>why</th>
                  </tr>
                </thead>
                <tbody>
                  ${plan.moves.map(
                    (m) =>
                      html`<tr>
                        <td><a class="row" href=${linkToDesktop(m.desktop)}>${m.desktop}</a></td>
                        <td>${m.from}</td>
                        <td>${m.to}</td>
                        <td class="figure">${m.wave}</td>
                        <td class="figure">${ms(m.rttBeforeMs)} → ${ms(m.rttAfterMs)}</td>
                        <td class="figure">${m.benefit.toFixed(1)}</td>
                        <td class="figure">${m.cost.toFixed(1)}</td>
                        <td>${m.reason}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>
            ${plan.moves.length === 0 && html`<p class="none">Nothing would move.</p>`}
            <h2>Candidates that stay</h2>
            ${plan.notMoved.length === 0 && html`<p class="none">There are none.</p>`}
            <ul class="stays">
              ${plan.notMoved.slice(0, shown).map((s) => html`<li><a href=${linkToDesktop(s.desktop)}>${s.desktop}</a> ${s.reason}</li>`)}
            </ul>
            ${plan.notMoved.length > shown && html`<button onClick=${() => setShown(shown + SHOWN)}>more of ${plan.notMoved.length}</button>`}`
    }`;
}
