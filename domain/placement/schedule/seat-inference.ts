// Which host does each desktop of a site run on, when only the site is known? Any seating that fits will do for planning: a few
// packing rules are tried, and the one that seats most desktops is taken.

export interface Amounts {
  readonly slots: number;
  readonly vcpu: number;
  readonly memoryGB: number;
  readonly diskGB: number;
}

const KEYS = ['vcpu', 'memoryGB', 'diskGB'] as const;
const SLACK = 1e-9;
type Left = { -readonly [K in keyof Amounts]: Amounts[K] };
type Size = Omit<Amounts, 'slots'>;
/** Larger is better. */
type Rule = (left: Left, size: Size) => number;

const finite = (x: number) => (x === Infinity ? 1e12 : x);

/** A seat for each size among the hosts' free room; -1 for one that found none. */
export function inferSeats(hosts: readonly Amounts[], sizes: readonly Size[]): Int32Array {
  const total = (k: (typeof KEYS)[number]) =>
    Math.max(
      1e-9,
      hosts.reduce((sum, h) => sum + finite(h[k]), 0),
    );
  const totals = { vcpu: total('vcpu'), memoryGB: total('memoryGB'), diskGB: total('diskGB') };
  const share = (s: Size) => Math.max(...KEYS.map((k) => s[k] / totals[k]));
  const after = (left: Left, size: Size) => KEYS.map((k) => (finite(left[k]) - size[k]) / totals[k]);
  const rules: readonly Rule[] = [
    // The host that keeps most of its scarcest resource: no resource runs out while others lie idle.
    (left, size) => Math.min(...after(left, size)),
    // The host whose free room has the shape of the desktop.
    (left, size) => KEYS.reduce((sum, k) => sum + (size[k] / totals[k]) * (finite(left[k]) / totals[k]), 0),
    // Best fit: the host that is left with least.
    (left, size) => -after(left, size).reduce((a, b) => a + b, 0),
  ];
  const orders: readonly ((s: Size) => number)[] = [share, (s) => s.memoryGB, (s) => s.vcpu, (s) => s.diskGB];
  let best = new Int32Array(sizes.length).fill(-1);
  let unseated = sizes.length + 1;
  for (const order of orders)
    for (const rule of rules) {
      const seats = seat(hosts, sizes, order, rule);
      const missing = seats.reduce((n, b) => n + Number(b < 0), 0);
      if (missing < unseated) [best, unseated] = [seats, missing];
      if (unseated === 0) return best;
    }
  return best;
}

function seat(
  hosts: readonly Amounts[],
  sizes: readonly Size[],
  order: (s: Size) => number,
  rule: Rule,
): Int32Array<ArrayBuffer> {
  const left = hosts.map((h): Left => ({ ...h }));
  const seats = new Int32Array(sizes.length).fill(-1);
  const largestFirst = sizes
    .map((size, i) => ({ i, key: order(size) }))
    .sort((a, b) => b.key - a.key || a.i - b.i);
  for (const { i } of largestFirst) {
    const size = sizes[i] as Size;
    let best = -1;
    let most = -Infinity;
    left.forEach((h, b) => {
      if (h.slots < 1 || KEYS.some((k) => h[k] + SLACK < size[k])) return;
      const score = rule(h, size);
      if (score > most) [best, most] = [b, score];
    });
    const host = left[best];
    if (host === undefined) continue;
    seats[i] = best;
    host.slots -= 1;
    for (const k of KEYS) host[k] -= size[k];
  }
  return seats;
}
