// What the packets of a flow say beyond its counters: who opened it, and how the client's messages look.
import type { CapturedFlow } from '../capture/flow-table.js';
import type { FlowEvidence } from './remote-desktop.js';
import { median } from '../statistics.js';

/** Describe a flow for the search of the remote desktop. */
export function evidenceOf(flow: CapturedFlow): FlowEvidence {
  const messages = flow.packets.flatMap((p) =>
    !p.fromDesktop && p.payloadBytes > 0 ? [p.payloadBytes] : [],
  );
  return {
    ...flow.key,
    bytesIn: flow.bytesIn,
    packetsIn: flow.packetsIn,
    bytesOut: flow.bytesOut,
    packetsOut: flow.packetsOut,
    initiator: flow.initiator,
    clientMessages: messages.length,
    clientMessageBytes: median(messages) ?? 0,
  };
}
