// The WAN's rules as data: for every ordered pair of ends "cut? -> count -> class -> delay" in the core's forward hook, and a class of that pair's rate at the core's egress towards the receiving leg. Pure: text for nft and tc comes out.
// The hosts' own uplinks keep their root qdisc free: the product shapes there.
import type { Attachment, LinkSpec, WorldPlan, WorldSpec } from './plan.js';

/** One ordered pair of ends. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  /** Number of the NFQUEUE queue, and minor number of the traffic class. */
  readonly number: number;
  readonly fromDevices: readonly string[];
  readonly toDevices: readonly string[];
}

/** Every ordered pair of different ends, numbered from 1 in the order of the plan. */
export function pairsOf(plan: WorldPlan): Pair[] {
  const legs: readonly Attachment[] = [...plan.hosts, ...plan.users];
  const ends = [...new Set(legs.map((leg) => leg.end))];
  const devices = (end: string) => legs.filter((leg) => leg.end === end).map((leg) => leg.coreDevice);
  return ends
    .flatMap((from) => ends.filter((to) => to !== from).map((to) => ({ from, to })))
    .map((pair, i) => ({
      ...pair,
      number: i + 1,
      fromDevices: devices(pair.from),
      toDevices: devices(pair.to),
    }));
}

/** The link of an ordered pair; undelayed and unshaped when the spec has none. The last one named wins. */
export function linkOf(spec: Pick<WorldSpec, 'links'>, from: string, to: string): LinkSpec {
  return (
    spec.links.findLast((link) => link.from === from && link.to === to) ?? {
      from,
      to,
      delayMs: 0,
      rateMbps: null,
    }
  );
}

const set = (devices: readonly string[]) => `{ ${devices.map((d) => `"${d}"`).join(', ')} }`;

/** Name of the counter of a pair in table `inet wan`. */
export function counterName(pair: Pick<Pair, 'number'>): string {
  return `pair${String(pair.number)}`;
}

/** The core's nftables rules: cut, count and classify. */
export function renderCoreRules(pairs: readonly Pair[]): string {
  const rules = pairs.map(
    (pair) =>
      `    iifname ${set(pair.fromDevices)} oifname ${set(pair.toDevices)} counter name "${counterName(pair)}" meta priority set 1:${pair.number.toString(16)} accept`,
  );
  return [
    'table inet wan {',
    '  set cut { type ifname . ifname; }',
    ...pairs.map((pair) => `  counter ${counterName(pair)} {}`),
    '  chain forward {',
    // Before the queues, which stand at priority 0.
    '    type filter hook forward priority -10; policy accept;',
    '    iifname . oifname @cut drop',
    // Like the internet: private sources are not carried. A NAT or a rewrite that leaks is seen as loss at once.
    '    ip saddr { 192.168.0.0/16, 10.77.0.0/16 } drop',
    ...rules,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Input of `iptables-restore` that sends each pair to its queue; not nftables, whose queue expression small kernels leave out. */
export function renderQueueRules(pairs: readonly Pair[]): string {
  const rules = pairs.flatMap((pair) =>
    pair.fromDevices.flatMap((from) =>
      pair.toDevices.map(
        (to) => `-A FORWARD -i ${from} -o ${to} -j NFQUEUE --queue-num ${String(pair.number)}`,
      ),
    ),
  );
  return ['*filter', ...rules, 'COMMIT', ''].join('\n');
}

/** 100 ms of queue at the link's rate, as in the measured WAN, and never less than a few frames. */
export function queueBytes(rateMbps: number): number {
  return Math.max(15_140, Math.round((rateMbps * 1e6) / 8 / 10));
}

/** What stands for "not shaped": htb classes need a rate; no lab machine forwards that much. */
const UNSHAPED_MBPS = 40_000;

/** Arguments of `tc` that set (or, with `change`, alter) the rate of a pair towards one leg, and its netem delay where there is one. */
export function classCommands(
  device: string,
  pair: Pick<Pair, 'number'>,
  link: Pick<LinkSpec, 'rateMbps' | 'delayMs'>,
  options: { netem: boolean; change: boolean },
): string[] {
  const minor = pair.number.toString(16);
  const rate = `${String(link.rateMbps ?? UNSHAPED_MBPS)}mbit`;
  const verb = options.change ? 'change' : 'add';
  const limit = queueBytes(link.rateMbps ?? 1_000);
  // netem counts packets, and holds those under way as well as those waiting.
  const leaf = options.netem
    ? `netem delay ${String(link.delayMs)}ms limit 20000`
    : `bfifo limit ${String(limit)}`;
  return [
    `class ${verb} dev ${device} parent 1: classid 1:${minor} htb rate ${rate} ceil ${rate} burst 16kb cburst 16kb quantum 1514`,
    `qdisc ${verb} dev ${device} parent 1:${minor} handle ${(pair.number + 1).toString(16)}: ${leaf}`,
  ];
}

/** Arguments of `tc` for the whole core: one htb a leg, one class a pair that ends there; what has no class (same site) passes unshaped. */
export function coreClasses(
  plan: WorldPlan,
  pairs: readonly Pair[],
  spec: Pick<WorldSpec, 'links'>,
  netem: boolean,
): string[] {
  return [...plan.hosts, ...plan.users].flatMap((leg) => [
    `qdisc add dev ${leg.coreDevice} root handle 1: htb`,
    ...pairs
      .filter((pair) => pair.to === leg.end)
      .flatMap((pair) =>
        classCommands(leg.coreDevice, pair, linkOf(spec, pair.from, pair.to), { netem, change: false }),
      ),
  ]);
}
