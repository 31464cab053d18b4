// What a host does with packets of its desktops, as data and as nftables text (stateless; no conntrack needed). Pure.
//   -400 prerouting   a guest sends from its own addresses, and to no other guest's internal one
//   -310 prerouting   mark proofs of flows' paths (protocol/path-proof.ts), packets for desktops whose packets are held, and those of flows that go on over an old site (iptables raw hands
//                     marked ones to their queues at -300)
//   -250 prerouting   control channel to the daemon; external -> internal; what left with a desktop -> its new address; the rest is dropped
//    -10 input        of its host a guest reaches DHCP and DNS
//    300 postrouting  internal -> external
// An address that a desktop has left refuses new connections: nobody could answer them from it. The user's proxy also uses that to make its
// NAT forget the old path (punch/packets.ts).
// Default deny: a packet for an external address without an active desktop is dropped, never answered (an RST would close the user's NAT).
import { ASK_BYTES, ASK_MAGIC } from '../protocol/path-proof.js';
import { carrying, FLOW_TYPE, RECEIVED, SENT } from './flow-text.js';

/** A desktop's end of its tap, and the gateway address that its host has there. */
interface GuestPort {
  readonly tap: string;
  readonly mac: string;
  readonly address: string;
  readonly gateway: string;
}

export interface HostRules {
  readonly uplink: string;
  /** Taps of attached desktops. What comes in by one and is not its guest's own is dropped (promise 11). */
  readonly guests: readonly GuestPort[];
  readonly controlPort: number;
  /** External addresses that this host answers for. */
  readonly owned: readonly string[];
  /** Internal addresses of attached desktops: none may leave by the uplink. */
  readonly internals: readonly string[];
  readonly active: readonly { readonly external: string; readonly internal: string }[];
  readonly moved: readonly { readonly from: string; readonly to: string }[];
  readonly held: readonly string[];
  /** External addresses for which RST is dropped, in and out (guards G2 and G3). */
  readonly guarded: readonly string[];
  readonly relays: RelayRules;
}

/** Flows that go on over an old site (flow-text.ts). */
export interface RelayRules {
  /** External addresses that desktops have left, kept for such flows. */
  readonly addresses: readonly string[];
  /** By the external address that was left: packets of peers. */
  readonly inward: readonly string[];
  /** By the internal address: packets of desktops that are here. */
  readonly outward: readonly string[];
}

export const HOST_TABLE = 'vmshadow_host';
/** One bit of the packet mark, high, where few others put theirs. It is cleared again after the queue. */
export const HOLD_MARK = 0x4000_0000;
const HOLD_MASK = 0xbfff_ffff;
/** Of packets that the relay takes; none of them goes on by itself. */
export const RELAY_MARK = 0x2000_0000;

/** Of proofs of paths: those that are asked of this host, and its answers, which nothing else of its own may look like. */
export const PROOF_MARK = 0x1000_0000;
const PROOF_MASK = 0xefff_ffff;
/** Of all sources together (rules/flow-list.ts bounds each): one costs some 50 us to look at, so a flood takes 5 % of a core. */
const PROOFS = 'limit rate 1000/second burst 4000 packets';
/** What looks like a proof never reaches a desktop, whether somebody listens or not. */
const ASKED = carrying(ASK_MAGIC, ASK_BYTES);

const addElements = (name: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `add element ip ${HOST_TABLE} ${name} { ${[...rows].sort().join(', ')} }\n`;
const hex = (n: number): string => `0x${n.toString(16)}`;

const ADDRESSES = 'type ipv4_addr;';
const TRANSLATION = 'type ipv4_addr : ipv4_addr;';
const SETS = {
  owned: ADDRESSES,
  internals: ADDRESSES,
  held: ADDRESSES,
  guarded: ADDRESSES,
  left: ADDRESSES,
  taps: 'type ifname;',
  guests: 'type ifname . ether_addr . ipv4_addr;',
  gateways: 'type ifname . ipv4_addr;',
  relayin: FLOW_TYPE,
  relayout: FLOW_TYPE,
} as const;
const MAPS = ['inward', 'outward', 'moved'] as const;
const CHAINS = {
  guest: 'prerouting priority -400',
  hold: 'prerouting priority -310',
  prerouting: 'prerouting priority -250',
  host: 'input priority -10',
  postrouting: 'postrouting priority 300',
};

/** Declare the table's parts; what is there already stays. Chains are never removed: the kernel drops queued packets when a hook goes. */
function declarations(): string {
  const lines = [`add table ip ${HOST_TABLE}`];
  for (const [set, type] of Object.entries(SETS)) lines.push(`add set ip ${HOST_TABLE} ${set} { ${type} }`);
  for (const map of MAPS) lines.push(`add map ip ${HOST_TABLE} ${map} { ${TRANSLATION} }`);
  for (const [chain, hook] of Object.entries(CHAINS))
    lines.push(`add chain ip ${HOST_TABLE} ${chain} { type filter hook ${hook}; policy accept; }`);
  lines.push(`add chain ip ${HOST_TABLE} proofs`);
  lines.push(`flush table ip ${HOST_TABLE}`);
  for (const set of Object.keys(SETS)) lines.push(`flush set ip ${HOST_TABLE} ${set}`);
  for (const map of MAPS) lines.push(`flush map ip ${HOST_TABLE} ${map}`);
  return lines.join('\n');
}

/** The external addresses that desktops have left: moves that are not cleaned up yet, and relays. */
export function leftAddresses({ moved, relays }: HostRules): string[] {
  return [...new Set([...moved.map((m) => m.from), ...relays.addresses])];
}

/** Render the transaction that puts exactly these rules in force. */
export function renderHostRules(rules: HostRules): string {
  const inward = rules.active.map((a) => `${a.external} : ${a.internal}`);
  const outward = rules.active.map((a) => `${a.internal} : ${a.external}`);
  const moved = rules.moved.map((m) => `${m.from} : ${m.to}`);
  const { owned, internals, held, guarded } = rules;
  const contents = {
    owned,
    internals,
    held,
    guarded,
    left: leftAddresses(rules),
    taps: rules.guests.map((g) => `"${g.tap}"`),
    guests: rules.guests.map((g) => `"${g.tap}" . ${g.mac} . ${g.address}`),
    gateways: rules.guests.map((g) => `"${g.tap}" . ${g.gateway}`),
    relayin: rules.relays.inward,
    relayout: rules.relays.outward,
  };
  const translations = { inward, outward, moved };
  return `${declarations()}
${[...Object.entries(contents), ...Object.entries(translations)].map(([name, rows]) => addElements(name, rows)).join('')}table ip ${HOST_TABLE} {
  chain guest {
    iifname @taps ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
    iifname @taps iifname . ether saddr . ip saddr != @guests counter drop
    iifname @taps ip daddr @internals counter drop
  }
  chain host {
    iifname @taps iifname . ip daddr @gateways udp dport { 53, 67 } accept
    iifname @taps iifname . ip daddr @gateways tcp dport 53 accept
    iifname @taps ip daddr 255.255.255.255 udp dport 67 accept
    iifname @taps counter drop
  }
  chain proofs {
    ${PROOFS} meta mark set meta mark | ${hex(PROOF_MARK)} return
    counter drop
  }
  chain hold {
    ip daddr @owned udp dport ${rules.controlPort} return
    ip daddr @owned ${ASKED.tcp} goto proofs
    ip daddr @owned ${ASKED.udp} goto proofs
    ip daddr @held meta mark set meta mark | ${hex(HOLD_MARK)} return
    tcp flags & (syn | ack) == syn return
    ${RECEIVED} @relayin meta mark set meta mark | ${hex(RELAY_MARK)} return
    ${SENT} @relayout meta mark set meta mark | ${hex(RELAY_MARK)}
  }
  chain prerouting {
    meta mark & ${hex(RELAY_MARK)} != 0x0 counter drop
    meta mark & ${hex(PROOF_MARK)} != 0x0 ${ASKED.tcp} counter drop
    meta mark & ${hex(PROOF_MARK)} != 0x0 ${ASKED.udp} counter drop
    meta mark & ${hex(PROOF_MARK)} != 0x0 meta mark set meta mark & ${hex(PROOF_MASK)}
    meta mark & ${hex(HOLD_MARK)} != 0x0 meta mark set meta mark & ${hex(HOLD_MASK)}
    ip daddr @owned udp dport ${rules.controlPort} accept
    ip daddr @guarded tcp flags & rst == rst counter drop
    ip daddr @owned ip daddr set ip daddr map @inward accept
    ip daddr @left tcp flags & (syn | ack) == syn reject with tcp reset
    ip daddr @owned ip daddr set ip daddr map @moved accept
    ip daddr @owned counter drop
  }
  chain postrouting {
    ip saddr set ip saddr map @outward
    ip saddr @guarded tcp flags & rst == rst counter drop
    oifname "${rules.uplink}" ip saddr @internals counter drop
  }
}
`;
}

/** Render the transaction that begins or ends to hold packets for one address. */
export function renderHeld(external: string, held: boolean): string {
  // Adding what is there is no error, deleting what is not would be: so it is added first.
  const add = `add element ip ${HOST_TABLE} held { ${external} }\n`;
  return held ? add : `${add}delete element ip ${HOST_TABLE} held { ${external} }\n`;
}

/** Render the transaction that removes the table; it does not fail when there is none. */
export function renderHostRemoval(): string {
  return `table ip ${HOST_TABLE} { }\ndelete table ip ${HOST_TABLE}\n`;
}
