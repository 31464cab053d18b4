// The list of all desktops, in pages: filtered and ordered here, so that it answers at once.
import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { DesktopRow } from '../api.js';
import { listPage, type Column } from '../view/desktop-list.js';
import { ms, plural, rank } from '../view/words.js';
import { html } from './html.js';
import { Rtt } from './parts.js';
import { linkToDesktop } from './place.js';

const HEADS: readonly (readonly [Column, string])[] = [
  ['desktop', 'desktop'],
  ['host', 'host'],
  ['state', 'state'],
  ['rank', 'rank'],
  ['rttMs', 'round trip'],
  ['responseMs', 'response'],
  ['user', 'user'],
];
/** Of these the largest come first. */
const FIGURES: readonly Column[] = ['rank', 'rttMs', 'responseMs'];

export function DesktopsPage({
  desktops,
  words: given,
}: {
  readonly desktops: readonly DesktopRow[];
  readonly words: string;
}): VNode {
  const [words, setWords] = useState(given);
  const [order, setOrder] = useState<{ by: Column; falling: boolean }>({ by: 'rank', falling: true });
  const [page, setPage] = useState(0);
  useEffect(() => {
    setWords(given);
    setPage(0);
  }, [given]);
  const list = useMemo(() => listPage(desktops, { words, ...order, page }), [desktops, words, order, page]);
  const rows = useMemo(() => list.rows.map(rowOf), [list]);
  const sortBy = (by: Column) => {
    setOrder((o) => ({ by, falling: o.by === by ? !o.falling : FIGURES.includes(by) }));
    setPage(0);
  };
  const filter = (event: Event) => {
    setWords((event.target as HTMLInputElement).value);
    setPage(0);
  };
  const sortOf = (by: Column) => (order.by !== by ? 'none' : order.falling ? 'descending' : 'ascending');
  return html`<h1>Desktops</h1>
    <div class="tools">
      <label for="filter">Filter</label>
      <input
        id="filter"
        type="search"
        value=${words}
        onInput=${filter}
        placeholder="names, host, state, user"
        autocomplete="off"
        spellcheck=${false}
      />
      <span role="status">${plural(list.total, 'desktop')}</span>
      <span class="pages">
        <button id="previous" disabled=${list.page === 0} onClick=${() => setPage(list.page - 1)}>
          previous
        </button>
        page ${list.page + 1} of ${list.pages}
        <button id="next" disabled=${list.page + 1 >= list.pages} onClick=${() => setPage(list.page + 1)}>
          next
        </button>
      </span>
    </div>
    <div class="scroll">
      <table>
        <caption class="hidden">
          Desktops
        </caption>
        <thead>
          <tr>
            ${HEADS.map(([by, name]) => html`<th key=${by} aria-sort=${sortOf(by)}><button onClick=${() => sortBy(by)}>${name}${order.by === by && html`<span aria-hidden="true">${order.falling ? ' ▾' : ' ▴'}</span>`}</button></th>`)}
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
}

function rowOf(d: DesktopRow): VNode {
  return html`<tr key=${d.desktop}>
    <td><a class="row" href=${linkToDesktop(d.desktop)}>${d.desktop}</a></td>
    <td>${d.host}</td>
    <td>${d.state}</td>
    <td class="figure">${rank(d.rank)}</td>
    <td class="figure"><${Rtt} value=${d.rttMs} /></td>
    <td class="figure">${ms(d.responseMs)}</td>
    <td>${d.user ?? ''}</td>
    <td>
      ${d.moving && html`<b>moving</b> `}${d.problem !== null && html`<span class="problem">${d.problem}</span>`}
    </td>
  </tr>`;
}
