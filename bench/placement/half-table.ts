// The table of the half-the-bytes comparison: a row a cloud, a column what each side sees. Pure text.
import { PRODUCT_SEES, type HalfConfig, type HalfRun } from './half-the-bytes.js';
import { markdownTable, mean, percent } from './figures-in-words.js';

export interface HalfResult {
  readonly config: HalfConfig;
  readonly runs: readonly HalfRun[];
}

/** Where no plan can have the greedy's gain for half its bytes, the goal is this share of what a plan can have (Lagrange's bound). */
export const SHARE_OF_POSSIBLE = 0.995;

/** What exact has of the possible. */
export const ofPossible = (r: HalfRun): number => r.share / r.bound;

/** Met: on every cloud, not only in the mean. */
export const halfIsMet = ({ runs }: HalfResult): boolean =>
  runs.every((r) => ofPossible(r) >= SHARE_OF_POSSIBLE);

/** The cloud with the least of the possible. */
export const worstOf = ({ runs }: HalfResult): HalfRun =>
  runs.reduce((a, b) => (ofPossible(b) < ofPossible(a) ? b : a));

/** On how many clouds it is met, and how many of the others are open: their bound does not rule it out. */
export function verdict({ runs }: Pick<HalfResult, 'runs'>): string {
  const met = runs.filter((r) => r.share >= 1).length;
  const open = runs.filter((r) => r.share < 1 && r.bound >= 1).length;
  return `met on ${met} of ${runs.length}${open === 0 ? '' : `, ${open} open`}`;
}

const meanOf = (result: HalfResult | undefined, figure: (r: HalfRun) => number) =>
  result === undefined ? '-' : percent(mean(result.runs.map(figure)));

const isProduct = (c: HalfConfig) =>
  c.greedySees === PRODUCT_SEES && c.exactSees === PRODUCT_SEES && c.objective === 'ms';
const cloudOf = (c: HalfConfig) => `${c.rtts} ${c.slack} ${c.population}`;
const viewOf = (c: HalfConfig) =>
  `${c.greedySees} / ${c.exactSees}${c.objective === 'ms' ? '' : `, ${c.objective}`}`;

/** All configurations; each with the mean share, the mean bound in parentheses, and on how many clouds it is met. */
export function halfTable(results: readonly HalfResult[]): string {
  const clouds = [...new Set(results.map((r) => cloudOf(r.config)))];
  const views = [...new Set(results.map((r) => viewOf(r.config)))];
  const rows = clouds.map((cloud) => {
    const here = results.filter((r) => cloudOf(r.config) === cloud);
    const product = here.find((r) => isProduct(r.config));
    const c = here[0]!.config;
    return [
      c.rtts,
      `${100 * c.slack} %`,
      c.population,
      meanOf(product, (r) => r.greedyShare),
      ...views.map((view) => {
        const result = here.find((r) => viewOf(r.config) === view);
        if (result === undefined) return '';
        const [share, bound] = [meanOf(result, (r) => r.share), meanOf(result, (r) => r.bound)];
        return `${share} (${bound}), ${verdict(result)}`;
      }),
      meanOf(product, (r) => r.bytesForItsGain),
    ];
  });
  const head = ['RTTs', 'free slots', 'population', 'greedy of the optimum (8 / 8)'];
  return markdownTable([...head, ...views, 'bytes for its gain (8 / 8)'], rows);
}
