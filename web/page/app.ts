// The page: head, navigation, and the part that the address names.
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { DesktopRow, Overview } from '../api.js';
import { workflowLink } from '../view/moves.js';
import { versionOf } from '../view/version.js';
import { ago, plural } from '../view/words.js';
import { useDesktops, useOverview } from './answers.js';
import { DesktopPage } from './desktop-page.js';
import { DesktopsPage } from './desktops-page.js';
import { html } from './html.js';
import { KEYS, useKeys } from './keys.js';
import { MapPage } from './map-page.js';
import { MovesPage } from './moves-page.js';
import { UiLink } from './parts.js';
import { PlanPage } from './plan-page.js';
import { PARTS, useWhere, type Where } from './place.js';
import { ThemeChoice } from './theme.js';

/** Always the same: what has not come yet changes nothing. */
const NONE: readonly DesktopRow[] = [];

export function App(): VNode {
  useKeys();
  const where = useWhere();
  const overview = useOverview();
  const version = overview.value === null ? null : versionOf(overview.value.loop);
  const desktops = useDesktops(version);
  useEffect(() => {
    document.title = `${where.desktop ?? where.part} - VMShadow`;
  }, [where.desktop, where.part]);
  const problem = overview.problem ?? desktops.problem;
  return html`<a class="skip" href="#main" onClick=${skip}>to the content</a>
    <header>
      <span class="brand">VMShadow</span>
      <nav aria-label="Parts">
        ${PARTS.map((part) => html`<a key=${part} href=${`#${part}`} aria-current=${where.part === part ? 'page' : undefined}>${part}</a>`)}
      </nav>
      <${ThemeChoice} />
    </header>
    ${problem !== null && html`<p role="alert" class="problem banner">No news: ${problem}${overview.value !== null && `. What is shown is of ${new Date(overview.value.atMs).toLocaleTimeString()}.`}</p>`}
    ${overview.value !== null && html`<${Head} overview=${overview.value} />`}
    <main id="main" tabindex="-1">
      ${overview.value === null ? problem === null && html`<p>Asking ...</p>` : html`<${Content} where=${where} overview=${overview.value} desktops=${desktops.value?.desktops ?? NONE} version=${version ?? ''} />`}
    </main>
    <footer>
      <details id="keys">
        <summary>Keys</summary>
        <dl>
          ${KEYS.map(
            ([key, words]) =>
              html`<div>
                <dt><kbd>${key}</kbd></dt>
                <dd>${words}</dd>
              </div>`,
          )}
        </dl>
      </details>
    </footer>`;
}

function Content({
  where,
  overview,
  desktops,
  version,
}: {
  readonly where: Where;
  readonly overview: Overview;
  readonly desktops: readonly DesktopRow[];
  readonly version: string;
}): VNode {
  if (where.part === 'moves') return html`<${MovesPage} overview=${overview} />`;
  if (where.part === 'plan') return html`<${PlanPage} overview=${overview} version=${version} />`;
  if (where.desktop !== null)
    return html`<${DesktopPage}
      key=${where.desktop}
      id=${where.desktop}
      version=${version}
      overview=${overview}
    />`;
  if (where.part === 'desktops') return html`<${DesktopsPage} desktops=${desktops} words=${where.words} />`;
  return html`<${MapPage} overview=${overview} desktops=${desktops} />`;
}

function Head({ overview }: { readonly overview: Overview }): VNode {
  const { loop, atMs, temporalUi } = overview;
  return html`<p class="head">
    ${'pool '}<b>${loop.pool}</b>${`: ${plural(loop.desktopCount, 'desktop')}, ${plural(loop.moves.length, 'move')} under way, cycle ${String(loop.cycle)} (${ago(loop.lastCycleMs, atMs)}), ${loop.beginning ? 'the loop has just begun' : loop.acting ? 'acts on its plans' : 'only plans'}`}
    ${loop.problems.length > 0 && html`, <span class="problem">${plural(loop.problems.length, 'problem')}</span>`}
    ${' '}<${UiLink} href=${workflowLink(temporalUi, `shadow-loop/${loop.pool}`)} />
  </p>`;
}

/** The address has the part in it: it does not change. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('main')?.focus();
}
