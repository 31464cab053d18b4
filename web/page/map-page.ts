// The map with its sites, what is wrong, and how the pool went.
import { feature } from 'topojson-client';
import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { DesktopRow, Overview } from '../api.js';
import { landIn, mapOf, type MapModel } from '../view/map.js';
import { duration, moment, ms, plural, RTT_CLASSES } from '../view/words.js';
import { html } from './html.js';
import { Bar, Chart } from './parts.js';
import { linkToDesktop, linkToList } from './place.js';

const SIZE = { width: 960, height: 460 };
/** There is no room for a name beside what is nearer to the right edge. */
const LABELS_LEFT_FROM = SIZE.width - 130;
type World = Parameters<typeof feature>[0];
type Land = Parameters<typeof landIn>[1];

/** Outlines of the world's countries; fetched once, from the page's own server. */
function useLand(): Land | null {
  const [land, setLand] = useState<Land | null>(null);
  useEffect(() => {
    const load = async () => {
      const world = (await (await fetch('/world.json')).json()) as World;
      const { countries } = world.objects;
      if (countries !== undefined) setLand(feature(world, countries));
    };
    // Without it the map has no land, and all the rest.
    load().catch(() => undefined);
  }, []);
  return land;
}

export function MapPage({
  overview,
  desktops,
}: {
  readonly overview: Overview;
  readonly desktops: readonly DesktopRow[];
}): VNode {
  const land = useLand();
  const { loop, places } = overview;
  const drawn = JSON.stringify([loop.sites, places, loop.moves.map((m) => [m.desktop, m.to.site])]);
  const map = useMemo(
    () => mapOf({ sites: loop.sites, places, desktops, moves: loop.moves, ...SIZE }),
    [drawn, desktops],
  );
  // Users who have not come yet change the view: land is drawn once, with them.
  const isWhole = desktops.length > 0 || loop.desktopCount === 0;
  const view = isWhole ? JSON.stringify(map.view) : '';
  const outlines = useMemo(
    () => (land === null || view === '' || map.view === null ? '' : landIn(map.view, land, SIZE)),
    [land, view],
  );
  // The same as before while nothing has changed: the browser is not asked to look through thousands of lines every two seconds.
  const drawing = useMemo(() => drawingOf(map, outlines), [map, outlines]);
  const used = Object.fromEntries(loop.sites.slice(0, 8).map(({ site }) => [`used/${site}`, site]));
  return html`<h1>Map</h1>
    ${drawing}
    <${Problems} overview=${overview} />
    <div class="scroll">
      <table>
        <caption>
          Sites
        </caption>
        <thead>
          <tr>
            <th>site</th>
            <th>kind</th>
            <th>hosts</th>
            <th>slots in use</th>
            <th></th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${loop.sites.map(
            ({ site, kind, usedSlots, slots, draining }) =>
              html`<tr key=${site}>
                <td><a href=${linkToList(`${site}/`)}>${site}</a></td>
                <td>${kind}</td>
                <td>${hostsOf(overview, site)}</td>
                <td>${usedSlots} of ${slots}</td>
                <td><${Bar} part=${usedSlots} whole=${slots} label=${`slots of ${site}`} /></td>
                <td>${draining === true && 'is being emptied'}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <h2>Over time</h2>
    <p class="hint">Since this page's server was started: it remembers nothing from before.</p>
    <div class="charts">
      <${Chart} title="Slots in use" trend=${overview.trend} lines=${used} />
      <${Chart}
        title="Desktops"
        trend=${overview.trend}
        lines=${{ desktops: 'all', candidates: `ranked above ${String(overview.highThreshold)}`, moves: 'moves under way' }}
      />
      <${Chart} title="Mean rank" trend=${overview.trend} lines=${{ rank: 'rank' }} top=${1} digits=${2} />
      <${Chart} title="Median round trip" trend=${overview.trend} lines=${{ rtt: 'round trip' }} unit=" ms" />
    </div>`;
}

function drawingOf(map: MapModel, land: string): VNode {
  return html`<div class="map">
    <svg
      viewBox=${`0 0 ${SIZE.width} ${SIZE.height}`}
      role="group"
      aria-label="Sites, users, and the round trips between them"
    >
      <path class="land" d=${land} />
      ${map.lines.map(
        ({ key, site, from, to, desktops: of, rttMs, kind, guessed }) =>
          html`<g key=${key} class=${`user rtt-${kind}${guessed ? ' guessed' : ''}`}>
            <line
              x1=${from[0]}
              y1=${from[1]}
              x2=${to[0]}
              y2=${to[1]}
              stroke-width=${1 + Math.min(4, Math.sqrt(of.length) / 3)}
            />
            <circle cx=${from[0]} cy=${from[1]} r=${2.5 + Math.min(6, Math.sqrt(of.length) / 2)} />
            <title>
              ${`${plural(of.length, 'user')} of ${site}, ${ms(rttMs)}: ${of.slice(0, 5).join(', ')}${of.length > 5 ? ', ...' : ''}`}
            </title>
          </g>`,
      )}
      ${map.moves.map(({ desktop, from, to }) => html`<line key=${desktop} class="moving" x1=${from[0]} y1=${from[1]} x2=${to[0]} y2=${to[1]}><title>${`${desktop} moves`}</title></line>`)}
      ${map.sites.map(
        ({ site, x, y, usedSlots, slots, draining }) =>
          html`<a
            key=${site}
            href=${linkToList(`${site}/`)}
            class=${`site${draining ? ' draining' : ''}`}
            aria-label=${`${site}: ${String(usedSlots)} of ${plural(slots, 'slot')} in use`}
          >
            <circle cx=${x} cy=${y} r="9" /><text
              x=${x + (x > LABELS_LEFT_FROM ? -13 : 13)}
              y=${y + 4}
              text-anchor=${x > LABELS_LEFT_FROM ? 'end' : 'start'}
              >${site} ${usedSlots}/${slots}</text
            >
          </a>`,
      )}
    </svg>
    <ul class="legend">
      ${RTT_CLASSES.map(({ name, words }) => html`<li class=${`rtt-${name}`}><i aria-hidden="true"></i>${words}</li>`)}
      <li class="rtt-unknown"><i aria-hidden="true"></i>not measured</li>
      ${map.unplaced > 0 && html`<li>${plural(map.unplaced, 'desktop')} whose user cannot be drawn</li>`}
      ${map.view === null ? html`<li>not a map: vmshadow.yaml gives no places of sites</li>` : map.lines.some((l) => l.guessed) && html`<li>hollow: where round trips suggest</li>`}
    </ul>
  </div>`;
}

function hostsOf({ loop }: Overview, site: string): string {
  const hosts = loop.hosts.filter((h) => h.host.site === site);
  const silent = hosts.filter((h) => !h.alive);
  return silent.length === 0
    ? String(hosts.length)
    : `${String(hosts.length)}, silent: ${silent.map((h) => h.host.host).join(', ')}`;
}

function Problems({ overview: { loop, atMs } }: { readonly overview: Overview }): VNode | null {
  const since = loop.pausedSinceMs ?? null;
  const drains = loop.draining ?? [];
  const windows = loop.windows ?? [];
  if (loop.problems.length + drains.length + windows.length === 0 && since === null) return null;
  return html`<section aria-label="Problems and orders" class="problems">
    <ul>
      ${since !== null && html`<li>paused for ${duration(atMs - since)}: the loop starts no moves of its own</li>`}
      ${drains.map(
        ({ place, left, counts, residents }) =>
          html`<li key=${place}>
            ${`draining ${place}: ${String(left)} left (${String(counts.moving)} moving, ${String(counts.waiting)} waiting, ${String(counts.held)} held)`}
            <ul>
              ${residents
                .filter((r) => r.is === 'held')
                .slice(0, 5)
                .map((r) => html`<li><a href=${linkToDesktop(r.desktop)}>${r.desktop}</a> ${r.why}</li>`)}
            </ul>
          </li>`,
      )}
      ${windows.map((w) => html`<li>${`maintenance of ${w.place} from ${moment(w.fromMs)} to ${moment(w.toMs)}: ${w.phase}`}</li>`)}
      ${loop.problems.map((problem) => html`<li class="problem">${problem}</li>`)}
    </ul>
  </section>`;
}
