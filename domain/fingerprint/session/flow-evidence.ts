// What the packets of a flow say beyond its counters: who opened it, and how the client's messages look.
import type { CapturedFlow } from '../capture/flow-table.js';
import type { FlowEvidence } from './remote-desktop.js';
import { rhythmOf, type Turn } from './flow-rhythm.js';
import { passiveRoundTrip } from './round-trip.js';
import { median } from '../statistics.js';

/** Describe a flow for the search of the remote desktop. */
export function evidenceOf(flow: CapturedFlow): FlowEvidence {
  const messages = flow.packets.flatMap((p) =>
    !p.fromDesktop && p.payloadBytes > 0 ? [p.payloadBytes] : [],
  );
  const turns = flow.packets.flatMap((p): Turn[] =>
    p.payloadBytes > 0 ? [{ atMs: p.atMs, fromDesktop: p.fromDesktop, bytes: p.payloadBytes }] : [],
  );
  return {
    ...flow.key,
    says: flow.says,
    rhythm: rhythmOf(turns),
    acknowledgedMs: passiveRoundTrip(flow.packets)?.rttMs,
    serverMessages: turns.length - messages.length,
    bytesIn: flow.bytesIn,
    packetsIn: flow.packetsIn,
    bytesOut: flow.bytesOut,
    packetsOut: flow.packetsOut,
    initiator: flow.initiator,
    clientMessages: messages.length,
    clientMessageBytes: median(messages) ?? 0,
  };
}
