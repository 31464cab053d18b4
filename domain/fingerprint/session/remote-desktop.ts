// Finds the remote-desktop flow among a desktop's flows: by port, or, on any port and through any encryption, by behaviour: small
// messages in, a lot more out, both ways all the time, on a connection that the peer opened to a port the desktop listens on.
import type { FlowCounters, FlowKey } from '../model.js';
import { flowId } from '../capture/flow-table.js';
import { isPrivateAddress } from '../../model/address.js';
import {
  asksLate,
  hasLargeBursts,
  hasPerson,
  hasScreen,
  hasSmallMessages,
  hasStream,
  lasts,
  type FlowRhythm,
} from './flow-rhythm.js';
import {
  CONFERENCE_PORTS,
  MACHINE_PORTS,
  protocolOfPort,
  SCREENLESS,
  STREAM_PORTS,
  WEB_PORTS,
} from './protocols.js';

export interface RemoteDesktopHints {
  readonly remoteDesktopPorts: readonly number[];
  /** Ports of relay servers that desktops connect out to (TeamViewer and its like). */
  readonly relayPorts?: readonly number[];
  /** Flow of the last cycle: kept while it carries traffic, so that a pause in typing changes nothing. */
  readonly previous?: FlowKey | undefined;
  /** Flows whose headers were looked at and showed neither a person nor a screen: counters do not say more. */
  readonly ruledOut?: ReadonlySet<string> | undefined;
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
  /** Packets of the desktop with a payload. */
  readonly serverMessages?: number | undefined;
  readonly rhythm?: FlowRhythm | undefined;
  /** How long was captured, of this flow or of others, ms; silent: it goes on. */
  readonly seenMs?: number | undefined;
  /** How soon the peer acknowledges what the desktop sends, ms. */
  readonly acknowledgedMs?: number | undefined;
  /** What its first bytes say it is. */
  readonly says?: string | undefined;
  /** The desktop's address, where it is not known which end is the desktop. */
  readonly address?: string | undefined;
};

/** Messages of a remote-desktop client: keystrokes, pointer, requests; with TLS and IP headers below this. */
export const MAX_MESSAGE_BYTES = 300;
/** IP and TCP headers with timestamps: a packet no longer than this carries no message. */
const PURE_ACK_BYTES = 54;
const MIN_PACKETS_IN = 8;
const MIN_INPUTS = 50;
/** A pointer message with TLS, IP and TCP headers. */
const MAX_INPUT_BYTES = 120;
/** A screen is more than what is typed at it. */
const MIN_OUT_TO_IN = 1.2;
const VIEWS_IN_TO_OUT = 3;
const STREAM_OUT_TO_IN = 5;
/** Scanners ask what a port is and read its greeting; a session exchanges more, from its first moment on. */
const GREETING_MESSAGES = 6;
const WHOLE_MS = 1_000;
/** Ports that systems hand out to clients (IANA 49152 and up, Linux 32768 and up): a listener is rarely there. */
const FIRST_EPHEMERAL = 32_768;

/** Give the most likely remote-desktop flow, or null. Flows on known ports win, then behaviour; among equals the one with most bytes. */
export function findRemoteDesktop<F extends FlowEvidence>(
  flows: readonly F[],
  hints: RemoteDesktopHints,
): FoundRemoteDesktop<F> | null {
  const screens = flows.filter((f) => f.says === undefined || !SCREENLESS.has(f.says));
  return findAmong(screens, hints);
}

function findAmong<F extends FlowEvidence>(
  flows: readonly F[],
  hints: RemoteDesktopHints,
): FoundRemoteDesktop<F> | null {
  const ports = new Set(hints.remoteDesktopPorts);
  const relays = new Set(hints.relayPorts ?? []);
  const onPort = flows.filter(
    (f) =>
      speaks(f) &&
      ((isServed(f, ports) && f.initiator !== 'desktop') ||
        (relays.has(f.peerPort) && f.initiator !== 'peer' && !views(f))),
  );
  const byPort = heaviest(onPort);
  if (byPort !== undefined) return { flow: byPort, foundBy: 'port' };
  const seen = (f: F) => hints.ruledOut?.has(flowId(f)) !== true;
  const kept = flows.find((f) => hints.previous !== undefined && sameFlow(f, hints.previous));
  if (kept !== undefined && behaves(kept)) return { flow: kept, foundBy: 'behaviour' };
  const behaving = heaviest(flows.filter((f) => seen(f) && behaves(f)));
  return behaving === undefined ? null : { flow: behaving, foundBy: 'behaviour' };
}

/** Through a relay the desktop sends its screen out; a viewer that uses the same relay takes one in. */
function views(f: FlowEvidence): boolean {
  const seen = f.rhythm !== undefined;
  return seen && f.bytesIn >= f.bytesOut * VIEWS_IN_TO_OUT;
}

/** Both sides have said something, as far as that was seen, and more than a greeting: a port that is only knocked at serves nobody. */
function speaks(f: FlowEvidence): boolean {
  if (f.clientMessages === undefined || f.serverMessages === undefined) return true;
  const isWhole = f.initiator !== undefined && (f.seenMs ?? 0) >= WHOLE_MS;
  return f.clientMessages + f.serverMessages > (isWhole ? GREETING_MESSAGES : 1);
}

/** Tell whether a flow looks like a remote desktop's, whatever its port. */
export function behaves(f: FlowEvidence): boolean {
  if (f.packetsIn < MIN_PACKETS_IN || f.packetsOut === 0) return false;
  if (servesMachines(f)) return false;
  if (f.rhythm !== undefined && streams(f, f.rhythm)) return true;
  if (!listens(f)) return false;
  if (f.says !== undefined) return !SCREENLESS.has(f.says);
  if (f.rhythm !== undefined && !isSession(f, f.rhythm)) return false;
  const messages = f.clientMessages ?? (f.bytesIn / f.packetsIn > PURE_ACK_BYTES ? f.packetsIn : 0);
  const messageBytes = f.clientMessageBytes ?? f.bytesIn / f.packetsIn;
  if (f.bytesOut >= f.bytesIn * MIN_OUT_TO_IN)
    return messages >= MIN_PACKETS_IN && messageBytes <= MAX_MESSAGE_BYTES;
  // A pointer that moves over a still screen: many tiny messages, hardly an answer.
  return messages >= MIN_INPUTS && messageBytes <= MAX_INPUT_BYTES;
}

/** Tell whether one of its ports is a service that machines ask of each other, or a call's. */
export function servesMachines(f: FlowCounters): boolean {
  return [f.desktopPort, f.peerPort].some((p) => MACHINE_PORTS.has(p) || CONFERENCE_PORTS.has(p));
}

/** Tell whether the desktop's port is one of the web's, where most flows fetch pages. */
export function isWeb(f: FlowCounters): boolean {
  return WEB_PORTS.has(f.desktopPort);
}

/** Tell whether the peer opened it, as far as that was seen. */
export function listens(f: FlowEvidence): boolean {
  return f.initiator === 'peer' || (f.initiator === undefined && looksListening(f));
}

/** A person or a screen at its ends. On the web's ports most flows fetch pages: there one that lasts is asked for, over TCP. */
function isSession(f: FlowEvidence, rhythm: FlowRhythm): boolean {
  const mayBePolled = f.acknowledgedMs !== undefined && asksLate(rhythm, f.acknowledgedMs);
  if (!hasPerson(rhythm) && (mayBePolled || !hasScreen(rhythm))) return false;
  if (f.protocol === 'udp' && !hasLargeBursts(rhythm)) return false;
  if (!isWeb(f)) return true;
  return f.protocol === 'tcp' && lasts(rhythm) && hasSmallMessages(rhythm);
}

/** A screen streamed over UDP, as games are: known by its beat and by how little comes back. Calls and the web's videos are not it. */
function streams(f: FlowEvidence, rhythm: FlowRhythm): boolean {
  if (f.protocol !== 'udp' || f.bytesOut < STREAM_OUT_TO_IN * f.bytesIn || !hasStream(rhythm)) return false;
  if (STREAM_PORTS.has(f.desktopPort)) return true;
  if (isWeb(f)) return false;
  return f.address === undefined || isPrivateAddress(f.address);
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
