// Which packets of a client are rewritten after moves of its desktop (MMSys'14 section 6.2, the per-socket rules). Pure.
// A flow remembers the address that its socket sees, and, until a path of its own is proved, the one that it goes on by (`via`); where the
// desktop is now is known once for all flows. So any chain of moves collapses to at most one rule a direction, a way back to the first
// address to none, and sockets opened after a move get none. What comes from the desktop is accepted by either path.
import { type ProxiedFlow, flowKey } from './flow.js';

/** The addresses of one desktop, as its client knows them. */
export interface DesktopAddresses {
  readonly current: string;
  /** Announced by PREPARE: packets from it are expected, none are sent to it yet. */
  readonly pending: string | null;
  /** Left by the last COMMIT, with the flows of that time: packets from it may still be under way to them. */
  readonly previous: { readonly address: string; readonly flows: readonly ProxiedFlow[] } | null;
  /** Where it was before, as programs of the user may remember it. */
  readonly left?: readonly string[];
}

/** Rewrite the remote address of packets of `flow`, as they are on the wire, to or from `wire`. */
export interface RewriteRule {
  readonly flow: ProxiedFlow;
  readonly wire: string;
}

export interface ClientRules {
  /** Packets of the flow leave for `wire` instead of the address that the socket sees. */
  readonly outgoing: readonly RewriteRule[];
  /** Packets from `wire` reach the socket as if they came from the address that it sees. */
  readonly incoming: readonly RewriteRule[];
  /** The NAT is made to forget this path of the flow: a RST that comes by it means the path, not the connection. */
  readonly closing: readonly RewriteRule[];
  /** Flows as packets for them may come, from where nothing of them goes: no new socket may look like one. */
  readonly expected: readonly RewriteRule[];
  /** Nothing is opened to these addresses; a socket that is to be is followed, and its SYN sent again by a rule of its own. */
  readonly left: readonly string[];
}

/** Make the rules of the tracked flows. */
export function clientRules(flows: readonly ProxiedFlow[], addresses: DesktopAddresses): ClientRules {
  const outgoing: RewriteRule[] = [];
  const incoming: RewriteRule[] = [];
  const closing: RewriteRule[] = [];
  const expected: RewriteRule[] = [];
  const { current, pending, previous } = addresses;
  const moved = new Set(previous?.flows.map(flowKey));
  for (const flow of flows) {
    const before = previous !== null && moved.has(flowKey(flow)) ? previous.address : null;
    const seen = flow.remote.address;
    const via = flow.via ?? current;
    if (seen !== via) outgoing.push({ flow, wire: via });
    for (const wire of new Set([via, current, pending, before]))
      if (wire !== null && wire !== seen) incoming.push({ flow, wire });
    if (via !== current && seen !== current) expected.push({ flow, wire: current });
    if (before !== null && before !== via && before !== current && flow.protocol === 'tcp')
      closing.push({ flow, wire: before });
  }
  const left = (addresses.left ?? []).filter((address) => address !== current);
  return { outgoing, incoming: firstOnWire(incoming), closing: firstOnWire(closing), expected, left };
}

/**
 * Keep the first rule of each 4-tuple on the wire. Two sockets with one local port, opened to two addresses of the desktop, are the same there;
 * the one followed longer has it.
 */
function firstOnWire(rules: readonly RewriteRule[]): RewriteRule[] {
  const byWire = new Map<string, RewriteRule>();
  for (const rule of rules) {
    const { flow, wire } = rule;
    const key = flowKey({ ...flow, remote: { ...flow.remote, address: wire } });
    if (!byWire.has(key)) byWire.set(key, rule);
  }
  return [...byWire.values()];
}

/** Keep the flows whose sockets are still open. */
export function withoutClosed(
  tracked: readonly ProxiedFlow[],
  sockets: readonly ProxiedFlow[],
): ProxiedFlow[] {
  const open = new Set(sockets.map(flowKey));
  return tracked.filter((flow) => open.has(flowKey(flow)));
}

/** Give the flows to follow through a change of address: the open ones tracked so far, and the sockets that go to one of its addresses. */
export function flowsToFollow(
  tracked: readonly ProxiedFlow[],
  sockets: readonly ProxiedFlow[],
  addresses: readonly string[],
  controlPort: number,
): ProxiedFlow[] {
  const flows = new Map(withoutClosed(tracked, sockets).map((flow) => [flowKey(flow), flow]));
  for (const socket of sockets) {
    const control = socket.protocol === 'udp' && socket.remote.port === controlPort;
    if (addresses.includes(socket.remote.address) && !control && !flows.has(flowKey(socket)))
      flows.set(flowKey(socket), socket);
  }
  return [...flows.values()];
}
