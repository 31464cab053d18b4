import { renderPlots } from '../../../../lab/demo/report-plot.js';
import { renderReport } from '../../../../lab/demo/report.js';
import { pullSamples, RESULT, SERIES, START_MS } from './fixture.js';

const WORLD = 'Three sites.';

/** The x position of a rect or line of a class. */
const xOf = (svg: string, cls: string) =>
  Number(new RegExp(`class="${cls}" (?:x|x1)="([\\d.]+)"`).exec(svg)?.[1]);

describe('the plot', () => {
  const [video = '', typing = ''] = renderPlots(SERIES);

  it('has a panel a desktop', () => {
    expect(renderPlots(SERIES)).toHaveLength(2);
    expect(video).toContain('Response time of video');
    expect(typing).toContain('Response time of typing');
  });

  it('shades every phase where and as long as it was', () => {
    for (const phase of ['preflight', 'async-disk', 'sync-switch', 'memory', 'switchover', 'cleanup'])
      expect(video).toContain(`class="phase ${phase}"`);
    const [disk, memory] = [xOf(video, 'phase async-disk'), xOf(video, 'phase memory')];
    const width = Number(/class="phase async-disk"[^>]* width="([\d.]+)"/.exec(video)?.[1]);
    // 42 s to 85 s, and 86 s, of 200 s.
    expect((memory - disk) / width).toBeCloseTo(44 / 43, 1);
    expect(typing).not.toContain('class="phase');
  });

  it('marks the switchover in the panel of the moved desktop only, with the sites', () => {
    expect(xOf(video, 'mark')).toBeGreaterThan(xOf(video, 'phase memory'));
    expect(video).toContain('at us-west (100 ms away)');
    expect(video).toContain('at us-east (20 ms away)');
    expect(typing).not.toContain('class="mark"');
  });

  it('names the pause that is cut off at the top', () => {
    expect(video).toContain('class="above"');
    expect(video).toMatch(/class="note"[^>]*>812 ms</);
  });

  it.each([2, 100, 199])(
    'keeps every text whole and off the triangles when the desktop moves after %d s',
    (second) => {
      const at = START_MS + second * 1000;
      const samples = pullSamples(200, (s) => (s >= second && s < second + 1 ? 900 : 100));
      const [desktop, move] = [SERIES.desktops[0]!, SERIES.moves[0]!];
      const [svg = ''] = renderPlots({
        ...SERIES,
        desktops: [{ ...desktop, samples }],
        moves: [{ ...move, stoppedAtMs: at }],
      });
      const texts = [...svg.matchAll(/class="(?:site|note)" x="([\d.]+)" y="(\d+)"[^>]*>([^<]*)</g)];
      expect(texts).toHaveLength(2);
      for (const [, x, , text = ''] of texts) {
        // Half of 7 pixels a letter, about what a bold font of 12 pixels takes.
        expect(Number(x) - text.length * 3.5).toBeGreaterThanOrEqual(0);
        expect(Number(x) + text.length * 3.5).toBeLessThanOrEqual(960);
      }
      const triangles = [...svg.matchAll(/class="above" transform="translate\([\d.]+ (\d+)\)/g)];
      expect(triangles.length).toBeGreaterThan(0);
      for (const [, y] of triangles)
        for (const [, , baseline] of texts) expect(Number(y) - Number(baseline)).toBeGreaterThanOrEqual(8);
    },
  );

  it('breaks the line of medians where nothing was shown for seconds', () => {
    const [desktop] = SERIES.desktops;
    const silent = desktop!.samples.filter((s) => s.atMs < START_MS + 50_000 || s.atMs > START_MS + 60_000);
    const series = { ...SERIES, desktops: [{ ...desktop!, samples: silent }], moves: [] };
    const line = /class="median" d="([^"]*)"/.exec(renderPlots(series)[0] ?? '')?.[1] ?? '';
    expect(line.match(/M/g)).toHaveLength(2);
  });

  it('stays free of NaN without samples, and with a move that has not ended', () => {
    const [move] = SERIES.moves;
    const series = {
      ...SERIES,
      desktops: [{ ...SERIES.desktops[0]!, samples: [] }],
      moves: [{ ...move!, stoppedAtMs: null, phases: [{ ...move!.phases[0]!, endedAtMs: null }] }],
    };
    expect(renderPlots(series).join()).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the page', () => {
  const page = renderReport({ result: RESULT, series: SERIES, world: WORLD });

  it('works offline: no script, no link, no address but those of namespaces', () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|https?:/i);
  });

  it('holds both plots, the figures and the checks', () => {
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page.match(/<\/svg>/g)).toHaveLength(2);
    expect(page).toContain('115.2 ms → 33.1 ms');
    expect(page).toContain('All promises were kept.');
    expect(page).toContain('phase memory');
    expect(page).toContain(WORLD);
  });

  it('says in its head what was not kept', () => {
    const broken = renderReport({ result: { ...RESULT, runningCopies: 2 }, series: SERIES, world: WORLD });
    expect(broken).toContain('Not kept: 2 copies of the desktop run');
    expect(broken).not.toContain('All promises were kept.');
  });

  it('escapes names', () => {
    const desktops = [{ ...SERIES.desktops[0]!, desktop: '<b>&"x', activity: "plays <script>alert('x')" }];
    const evil = renderReport({
      result: { ...RESULT, ranks: { '<i>': 0.5 }, leftovers: ['<u>'] },
      series: { ...SERIES, desktops },
      world: '<em>',
    });
    expect(evil).not.toMatch(/<b>&"|<script|<i>|<u>|<em>/);
  });
});
