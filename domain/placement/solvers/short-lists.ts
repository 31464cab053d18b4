// The few sites that matter to each desktop: those best for it at given prices. The exact flow begins with arcs to these alone, and lets
// its prices ask for others (Arcs.open).

/** Weights of desktops (rows) at sites (columns), larger is better, and how many desktops a site takes. */
export interface SiteFlowProblem {
  readonly siteCount: number;
  readonly desktopCount: number;
  /** Desktop x site; -Infinity where the desktop may not be. */
  readonly weights: Float64Array;
  readonly capacity: Int32Array;
  /** A site for each desktop such that all fit: with an arc there everybody has a place whoever comes first. Silent: not known. */
  readonly home?: Int32Array;
}

export interface ShortLists {
  /** Sites a desktop at most. */
  readonly length: number;
  /** Desktop x `length`: sites, -1 behind the last one. */
  readonly sites: Int32Array;
  /** The weights there, side by side. */
  readonly weights: Float64Array;
}

/** List all sites of each desktop. */
export function fullLists({ siteCount: l, desktopCount: n, weights: w }: SiteFlowProblem): ShortLists {
  const sites = new Int32Array(n * l);
  for (let i = 0; i < n; i++) for (let j = 0; j < l; j++) sites[i * l + j] = j;
  return { length: l, sites, weights: w };
}

/** List the `length` best sites of each of these desktops at these prices, and its home. */
export function shortLists(
  { siteCount: l, desktopCount, weights: w, home }: SiteFlowProblem,
  desktops: Int32Array,
  prices: Float64Array,
  length: number,
): ShortLists {
  const sites = new Int32Array(desktopCount * length).fill(-1);
  const weights = new Float64Array(desktopCount * length).fill(-Infinity);
  const values = new Float64Array(length);
  for (const i of desktops) {
    const list = sites.subarray(i * length, (i + 1) * length);
    listBest(w, i * l, prices, home?.[i] ?? -1, list, values);
    for (let k = 0; k < length && (list[k] as number) >= 0; k++)
      weights[i * length + k] = w[i * l + (list[k] as number)] as number;
  }
  return { length, sites, weights };
}

/** Write the best sites at these prices, and the home (-1: none), of the desktop whose weights begin at `row` into `list`, -1 behind the last. `values`: room to work in. */
export function listBest(
  w: Float64Array,
  row: number,
  prices: Float64Array,
  home: number,
  list: Int32Array,
  values = new Float64Array(list.length),
): void {
  const length = list.length;
  list.fill(-1);
  values.fill(-Infinity);
  let least = -Infinity;
  for (let j = 0; j < prices.length; j++) {
    const value = (w[row + j] as number) - (prices[j] as number);
    if (value <= least) continue;
    let k = length - 1;
    for (; k > 0 && (values[k - 1] as number) < value; k--) {
      values[k] = values[k - 1] as number;
      list[k] = list[k - 1] as number;
    }
    values[k] = value;
    list[k] = j;
    least = values[length - 1] as number;
  }
  if (home >= 0 && (w[row + home] as number) > -Infinity && !list.includes(home)) list[length - 1] = home;
}
