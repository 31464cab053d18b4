// Reads the kernel's flow counters as JSON and turns their ever-growing values into what came since the last read. A counter that
// went down belongs to a flow that was forgotten and came back: it counts from zero.
import { z } from 'zod';
import { flowId } from '../../domain/fingerprint/capture/flow-table.js';
import type { FlowCounters } from '../../domain/fingerprint/model.js';
import { parseInput } from '../../domain/model/parse.js';

const Element = z.object({
  elem: z.object({
    val: z.object({
      concat: z.tuple([z.string(), z.union([z.string(), z.number()]), z.number(), z.string(), z.number()]),
    }),
    counter: z.object({ packets: z.number(), bytes: z.number() }),
  }),
});
const Listing = z.object({
  nftables: z.array(
    z.object({ set: z.object({ name: z.string(), elem: z.array(z.unknown()).optional() }).optional() }),
  ),
});

export interface DesktopFlow extends FlowCounters {
  readonly address: string;
}

/** Parse `nft -j list table`; flows of both directions joined. Elements of other shapes are passed over. */
export function parseCounters(json: string): Map<string, DesktopFlow> {
  const listing = parseInput(Listing, JSON.parse(json), 'the output of nft', 'COMMAND');
  const flows = new Map<string, DesktopFlow>();
  for (const { set } of listing.nftables) {
    if (set?.name !== 'sent' && set?.name !== 'received') continue;
    for (const raw of set.elem ?? []) {
      const parsed = Element.safeParse(raw);
      if (!parsed.success) continue;
      const [address, l4, desktopPort, peerAddress, peerPort] = parsed.data.elem.val.concat;
      const protocol = l4 === 'tcp' || l4 === 6 ? 'tcp' : 'udp';
      if (desktopPort === 0 || peerPort === 0) continue;
      const key = { protocol, desktopPort, peerAddress, peerPort } as const;
      const id = `${address} ${flowId(key)}`;
      const flow = flows.get(id) ?? { address, ...key, ...none };
      const { bytes, packets } = parsed.data.elem.counter;
      const counted =
        set.name === 'sent'
          ? { bytesOut: bytes, packetsOut: packets }
          : { bytesIn: bytes, packetsIn: packets };
      flows.set(id, { ...flow, ...counted });
    }
  }
  return flows;
}

const none = { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0 };
const fields = ['bytesIn', 'packetsIn', 'bytesOut', 'packetsOut'] as const;

/** Give what each flow carried between two reads; flows that carried nothing are left out. */
export function countersSince(
  before: ReadonlyMap<string, DesktopFlow>,
  now: ReadonlyMap<string, DesktopFlow>,
): DesktopFlow[] {
  const changed: DesktopFlow[] = [];
  for (const [id, flow] of now) {
    const old = before.get(id);
    const delta = { ...flow };
    for (const f of fields) delta[f] = old === undefined || flow[f] < old[f] ? flow[f] : flow[f] - old[f];
    if (delta.packetsIn + delta.packetsOut > 0) changed.push(delta);
  }
  return changed;
}

/** Between two reports; a port scan must not fill the memory of dom0 while nobody asks. */
const MAX_FLOWS_SUMMED = 4_096;

/** Add what flows carried to a running sum. */
export function addCounters(sum: Map<string, DesktopFlow>, changed: readonly DesktopFlow[]): void {
  for (const flow of changed) {
    const id = `${flow.address} ${flowId(flow)}`;
    const old = sum.get(id);
    if (old === undefined && sum.size >= MAX_FLOWS_SUMMED) continue;
    const total = { ...flow };
    if (old !== undefined) for (const f of fields) total[f] += old[f];
    sum.set(id, total);
  }
}
