// The flows of a host's desktops, as the kernel lists them while packets pass: what is open when a desktop leaves is known then without a look
// at any packet by this program. A table of its own: its sets are the kernel's, and no change of rules empties them. Pure text.
//   Proofs of flows' paths (protocol/path-proof.ts) are counted here by their source, too: who asks beyond what a client needs is dropped.
//   only what a desktop sends makes a flow: a flood from outside fills nothing; a desktop that answers RST has none
//   TCP: a minute after a SYN or its answer alone (a scan, a flood under false addresses), from then on a day without a packet of the desktop; two minutes of silence after a FIN of one end; FIN of both or RST end it. UDP: three minutes
import { z } from 'zod';
import { RelayedFlow } from '../relay/flow.js';
import { ASK_BYTES, ASK_MAGIC } from '../protocol/path-proof.js';
import { carrying, FLOW_TYPE, flowTuple, RECEIVED, SENT } from './flow-text.js';

export const FLOW_TABLE = 'vmshadow_flows';
/** Each set has room for so many: some 10 MB in the kernel. What does not fit is not listed. */
const SIZE = 131_072;

const SET = `${FLOW_TYPE} flags dynamic,timeout; size ${String(SIZE)};`;
/** A client asks for thousands of flows at once when its desktop moves, and then less and less often. */
const ASKS_OF_ONE = 'update @askers { ip saddr limit rate over 250/second burst 4000 packets } counter drop';
const ASK = carrying(ASK_MAGIC, ASK_BYTES);
const add = `add rule ip ${FLOW_TABLE}`;

/** Render the transaction that puts the table in force; flows that it has listed stay. */
export function renderFlowList(): string {
  return `add table ip ${FLOW_TABLE}
add set ip ${FLOW_TABLE} open { ${SET} timeout 1d; }
add set ip ${FLOW_TABLE} finin { ${SET} timeout 2m; }
add set ip ${FLOW_TABLE} finout { ${SET} timeout 2m; }
add set ip ${FLOW_TABLE} askers { type ipv4_addr; flags dynamic,timeout; size 16384; timeout 1m; }
add chain ip ${FLOW_TABLE} asked { type filter hook prerouting priority -320; policy accept; }
add chain ip ${FLOW_TABLE} forward { type filter hook forward priority -150; policy accept; }
add chain ip ${FLOW_TABLE} sent
add chain ip ${FLOW_TABLE} received
flush chain ip ${FLOW_TABLE} asked
flush chain ip ${FLOW_TABLE} forward
flush chain ip ${FLOW_TABLE} sent
flush chain ip ${FLOW_TABLE} received
${add} asked ${ASK.tcp} ${ASKS_OF_ONE}
${add} asked ${ASK.udp} ${ASKS_OF_ONE}
${add} sent meta l4proto udp update @open { ${SENT} timeout 3m } return
${add} sent meta l4proto != tcp return
${add} sent tcp flags & rst == rst delete @open { ${SENT} } return
${add} sent tcp flags & (syn | ack) == syn delete @finin { ${SENT} }
${add} sent tcp flags & (syn | ack) == syn delete @finout { ${SENT} }
${add} sent tcp flags & fin == fin update @finout { ${SENT} }
${add} sent ${SENT} @finin ${SENT} @finout delete @open { ${SENT} } return
${add} sent ${SENT} @finin update @finin { ${SENT} } update @open { ${SENT} timeout 2m } return
${add} sent ${SENT} @finout update @finout { ${SENT} } update @open { ${SENT} timeout 2m } return
${add} sent tcp flags & syn == syn update @open { ${SENT} timeout 1m } return
${add} sent update @open { ${SENT} timeout 1d }
${add} received tcp flags & rst == rst ${RECEIVED} @open update @open { ${RECEIVED} timeout 2m } return
${add} received tcp flags & fin == fin ${RECEIVED} @open update @finin { ${RECEIVED} }
${add} forward iifname "vs-*" jump sent
${add} forward iifname "vh-*" jump sent
${add} forward oifname "vs-*" jump received
${add} forward oifname "vh-*" jump received
`;
}

/** Render the transaction that takes flows of a desktop off the list; some may have expired meanwhile. */
export function renderUnlisted(internal: string, flows: readonly RelayedFlow[]): string {
  const elements = flows.map((flow) => flowTuple(internal, flow)).join(', ');
  // Adding what is there is no error, deleting what is not would be: so it is added first.
  return flows.length === 0
    ? ''
    : ['add', 'delete'].map((verb) => `${verb} element ip ${FLOW_TABLE} open { ${elements} }\n`).join('');
}

const Listing = z.object({
  nftables: z.array(
    z.object({
      set: z.object({ elem: z.array(z.unknown()).default([]) }).optional(),
    }),
  ),
});
const Tuple = z.tuple([z.string(), RelayedFlow.shape.protocol, z.number(), z.string(), z.number()]);
const Element = z.object({ elem: z.object({ val: z.object({ concat: Tuple }) }) });

/** The flows of one desktop in what `nft -j list set` says of the open ones; what cannot be read is left out. */
export function parseFlowList(json: string, internal: string): RelayedFlow[] {
  const elements = Listing.parse(JSON.parse(json)).nftables.flatMap((n) => n.set?.elem ?? []);
  return elements.flatMap((element) => {
    const tuple = Element.safeParse(element).data?.elem.val.concat;
    if (tuple?.[0] !== internal) return [];
    const [, protocol, port, address, peerPort] = tuple;
    const flow = RelayedFlow.safeParse({ protocol, port, peer: { address, port: peerPort } });
    return flow.success ? [flow.data] : [];
  });
}
