// Finds the remote-desktop flow among a desktop's flows: by port, or, on any port and through any encryption, by behaviour: small
// messages in, a lot more out, both ways all the time, on a connection that the peer opened to a port the desktop listens on.
import type { FlowCounters, FlowKey } from '../model.js';
import { protocolOfPort } from './protocols.js';

export interface RemoteDesktopHints {
  readonly remoteDesktopPorts: readonly number[];
  /** Ports of relay servers that desktops connect out to (TeamViewer and its like). */
  readonly relayPorts?: readonly number[];
  /** Flow of the last cycle: kept while it carries traffic, so that a pause in typing changes nothing. */
  readonly previous?: FlowKey | undefined;
}

export interface FoundRemoteDesktop<F> {
  readonly flow: F;
  readonly foundBy: 'port' | 'behaviour';
}

/** What is known of a flow beyond its counters, when headers were seen. */
export type FlowEvidence = FlowCounters & {
  readonly initiator?: 'desktop' | 'peer' | undefined;
  /** Client messages with a payload, and their median size, when packets were seen. */
  readonly clientMessages?: number | undefined;
  readonly clientMessageBytes?: number | undefined;
};

/** Messages of a remote-desktop client: keystrokes, pointer, requests; with TLS and IP headers below this. */
const MAX_MESSAGE_BYTES = 300;
/** IP and TCP headers with timestamps: a packet no longer than this carries no message. */
const PURE_ACK_BYTES = 54;
const MIN_PACKETS_IN = 8;
const MIN_INPUTS = 50;
/** A pointer message with TLS, IP and TCP headers. */
const MAX_INPUT_BYTES = 120;
/** A screen is more than what is typed at it. */
const MIN_OUT_TO_IN = 1.2;
/** Ports that systems hand out to clients (IANA 49152 and up, Linux 32768 and up): a listener is rarely there. */
const FIRST_EPHEMERAL = 32_768;

/** Give the most likely remote-desktop flow, or null. Flows on known ports win, then behaviour; among equals the one with most bytes. */
export function findRemoteDesktop<F extends FlowEvidence>(
  flows: readonly F[],
  hints: RemoteDesktopHints,
): FoundRemoteDesktop<F> | null {
  const ports = new Set(hints.remoteDesktopPorts);
  const relays = new Set(hints.relayPorts ?? []);
  const onPort = flows.filter(
    (f) => (isServed(f, ports) && f.initiator !== 'desktop') || relays.has(f.peerPort),
  );
  const byPort = heaviest(onPort);
  if (byPort !== undefined) return { flow: byPort, foundBy: 'port' };
  const kept = flows.find((f) => hints.previous !== undefined && sameFlow(f, hints.previous));
  if (kept !== undefined && behaves(kept)) return { flow: kept, foundBy: 'behaviour' };
  const behaving = heaviest(flows.filter(behaves));
  return behaving === undefined ? null : { flow: behaving, foundBy: 'behaviour' };
}

/** Tell whether a flow looks like a remote desktop's, whatever its port. */
export function behaves(f: FlowEvidence): boolean {
  if (f.packetsIn < MIN_PACKETS_IN || f.packetsOut === 0) return false;
  const listens = f.initiator === 'peer' || (f.initiator === undefined && looksListening(f));
  if (!listens) return false;
  const messages = f.clientMessages ?? (f.bytesIn / f.packetsIn > PURE_ACK_BYTES ? f.packetsIn : 0);
  const messageBytes = f.clientMessageBytes ?? f.bytesIn / f.packetsIn;
  if (f.bytesOut >= f.bytesIn * MIN_OUT_TO_IN)
    return messages >= MIN_PACKETS_IN && messageBytes <= MAX_MESSAGE_BYTES;
  // A pointer that moves over a still screen: many tiny messages, hardly an answer.
  return messages >= MIN_INPUTS && messageBytes <= MAX_INPUT_BYTES;
}

/** Tell whether two keys name the same flow. */
export function sameFlow(a: FlowKey, b: FlowKey): boolean {
  return (
    a.protocol === b.protocol &&
    a.desktopPort === b.desktopPort &&
    a.peerPort === b.peerPort &&
    a.peerAddress === b.peerAddress
  );
}

/** RFB numbers its displays from 5900 on; other protocols by the operator's list. */
function isServed(f: FlowCounters, ports: ReadonlySet<number>): boolean {
  return ports.has(f.desktopPort) || (f.protocol === 'tcp' && protocolOfPort(f.desktopPort) === 'vnc');
}

function looksListening(f: FlowCounters): boolean {
  return f.desktopPort < FIRST_EPHEMERAL && f.desktopPort < f.peerPort;
}

function heaviest<F extends FlowCounters>(flows: readonly F[]): F | undefined {
  return flows.reduce<F | undefined>(
    (best, f) => (best === undefined || f.bytesIn + f.bytesOut > best.bytesIn + best.bytesOut ? f : best),
    undefined,
  );
}
