// The client's rules as nftables text. One transaction replaces the whole table, so no packet sees half a change. Pure.
//   output     (route hook, last): protocol . local . port . remote as the socket sees it . port -> address on the wire
//   prerouting (first):            protocol . local . port . address on the wire . port -> remote as the socket sees it
// So the client's own firewall and conntrack see, like its sockets, the same remote address before and after a move.
// `left`: a SYN to where the desktop was before waits until its socket has a rule (client-proxy.ts); it is sent again after a second.
// `taken`: a new socket must not get the very 4-tuple that a moved flow has on the wire; its SYN is refused, so it tries another port.
import { ANSWER_BYTES, ANSWER_MAGIC } from '../protocol/path-proof.js';
import { flowKey } from './flow.js';
import { carrying } from './flow-text.js';
import type { ClientRules, RewriteRule } from './client-rules.js';

/** Incoming packets before conntrack (-200), outgoing ones after it and after the filters (0). */
const FIRST = -300;
const LAST = 300;
/** Our own punches carry this mark and pass as they are. */
export const PUNCH_MARK = 0x2000_0000;
const PUNCH = `0x${PUNCH_MARK.toString(16)}`;
/** Answers to proofs of paths end here, where punch/answer-socket.ts has seen them. */
const ANSWERED = carrying(ANSWER_MAGIC, ANSWER_BYTES);
const KEY = 'inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service';

/** The nftables table of one desktop's rules. */
export function clientTable(desktop: string): string {
  return `vmshadow_client_${desktop.replaceAll('-', '_')}`;
}

const tuple = ({ flow }: RewriteRule, remote: string): string =>
  [flow.protocol, flow.local.address, flow.local.port, remote, flow.remote.port].map(String).join(' . ');

const elements = (rows: readonly string[]): string =>
  rows.length === 0 ? '' : `\n    elements = { ${rows.join(',\n      ')} }`;

const byKey = (a: RewriteRule, b: RewriteRule): number =>
  `${flowKey(a.flow)} ${a.wire}` < `${flowKey(b.flow)} ${b.wire}` ? -1 : 1;

/** Render the transaction that puts exactly these rules in force. */
export function renderClientRules(desktop: string, rules: ClientRules): string {
  const table = clientTable(desktop);
  const outgoing = [...rules.outgoing].sort(byKey);
  const incoming = [...rules.incoming].sort(byKey);
  const outRows = outgoing.map((r) => `${tuple(r, r.flow.remote.address)} : ${r.wire}`);
  const inRows = incoming.map((r) => `${tuple(r, r.wire)} : ${r.flow.remote.address}`);
  const taken = [...new Set([...outgoing, ...rules.expected].map((r) => tuple(r, r.wire)))].sort();
  const closing = [...rules.closing].sort(byKey).map((r) => tuple(r, r.wire));
  return `${renderClientRemoval(desktop)}
table ip ${table} {
  map outgoing {
    type ${KEY} : ipv4_addr;${elements(outRows)}
  }
  map incoming {
    type ${KEY} : ipv4_addr;${elements(inRows)}
  }
  set taken {
    type ${KEY};${elements(taken)}
  }
  set left {
    type ipv4_addr;${elements([...rules.left].sort())}
  }
  set closing {
    type ${KEY};${elements(closing)}
  }
  chain output {
    type route hook output priority ${LAST}; policy accept;
    meta mark & ${PUNCH} != 0x0 accept
    tcp flags & (syn | ack) == syn meta l4proto . ip saddr . tcp sport . ip daddr . tcp dport @taken reject with tcp reset
    meta l4proto { tcp, udp } ip daddr set meta l4proto . ip saddr . th sport . ip daddr . th dport map @outgoing
    tcp flags & (syn | ack) == syn ip daddr @left drop
  }
  chain prerouting {
    type filter hook prerouting priority ${FIRST}; policy accept;
    ${ANSWERED.tcp} drop
    ${ANSWERED.udp} drop
    tcp flags & rst == rst meta l4proto . ip daddr . tcp dport . ip saddr . tcp sport @closing drop
    meta l4proto { tcp, udp } ip saddr set meta l4proto . ip daddr . th dport . ip saddr . th sport map @incoming
  }
}
`;
}

/** Render the transaction that removes the table; it does not fail when there is none. */
export function renderClientRemoval(desktop: string): string {
  const table = clientTable(desktop);
  return `table ip ${table} { }\ndelete table ip ${table}\n`;
}
