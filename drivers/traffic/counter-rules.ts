// The nftables table that counts every flow of every watched desktop in the kernel, as data; rendered purely, applied by one atomic call.
// It lives at the forward hook, where a desktop's address is its internal one in both directions. It never drops or changes a packet:
// no verdict, policy accept, and a full set only stops counting new flows.

export const SAMPLING_TABLE = 'vmshadow_sampling';

/** Flows in all; about 200 bytes of kernel memory each. A desktop that scans ports cannot take more. */
const MAX_FLOWS = 16_384;
/** A flow that is silent for so long is forgotten; longer than the time between two reads. */
const FLOW_TIMEOUT = '5m';

export interface SamplingTable {
  readonly name: string;
  readonly watched: readonly { readonly internalAddress: string; readonly tap: string }[];
}

/** Render the table: created when absent, its rules and its list of desktops replaced, its counters kept. */
export function renderSamplingTable(table: SamplingTable): string {
  const flowType = (desktop: string, peer: string, own: string, other: string) =>
    `typeof ip ${desktop} . meta l4proto . th ${own} . ip ${peer} . th ${other}`;
  const sets = [
    ['sent', flowType('saddr', 'daddr', 'sport', 'dport')],
    ['received', flowType('daddr', 'saddr', 'dport', 'sport')],
  ] as const;
  const out = `ip saddr . meta l4proto . th sport . ip daddr . th dport`;
  const back = `ip daddr . meta l4proto . th dport . ip saddr . th sport`;
  return [
    `add table inet ${table.name}`,
    `add set inet ${table.name} leaving { type ipv4_addr . ifname ; }`,
    `add set inet ${table.name} arriving { type ipv4_addr . ifname ; }`,
    ...sets.map(
      ([name, type]) =>
        `add set inet ${table.name} ${name} { ${type} ; size ${MAX_FLOWS} ; flags dynamic,timeout ; timeout ${FLOW_TIMEOUT} ; counter ; }`,
    ),
    `add chain inet ${table.name} forward { type filter hook forward priority 0 ; policy accept ; }`,
    `flush chain inet ${table.name} forward`,
    `flush set inet ${table.name} leaving`,
    `flush set inet ${table.name} arriving`,
    ...table.watched.flatMap((w) => [renderWatch(table.name, 'add', w)]),
    `add rule inet ${table.name} forward meta l4proto { tcp, udp } ip saddr . iifname @leaving update @sent { ${out} }`,
    `add rule inet ${table.name} forward meta l4proto { tcp, udp } ip daddr . oifname @arriving update @received { ${back} }`,
    '',
  ].join('\n');
}

/** Render the change of one desktop's place in the table. */
export function renderWatch(
  name: string,
  verb: 'add' | 'delete',
  w: { readonly internalAddress: string; readonly tap: string },
): string {
  const element = `{ ${w.internalAddress} . "${w.tap}" }`;
  return [
    `${verb} element inet ${name} leaving ${element}`,
    `${verb} element inet ${name} arriving ${element}`,
    '',
  ].join('\n');
}

/**
 * Render the removal of the whole table; right whether it exists or not. Removing a hook makes the kernel drop all packets that wait in
 * user-space queues: not while a move holds some.
 */
export function renderRemoval(name: string): string {
  return `add table inet ${name}\ndelete table inet ${name}\n`;
}
