// A flow that shows neither a person nor a screen may have one at its ends all the same: a film that is pushed to somebody who only looks
// is a download by its headers, an idle screen a service that nobody uses. Of these no rank is right, neither 0 nor another.
import { isPrivateAddress } from '../../model/address.js';
import type { FlowKey } from '../model.js';
import { isWeb, listens, MAX_MESSAGE_BYTES, servesMachines, type FlowEvidence } from './remote-desktop.js';
import { SCREENLESS, WEB_PORTS } from './protocols.js';
import { hasMachineBeat, type FlowRhythm } from './flow-rhythm.js';

/** Fewer messages show no habit. */
const ENOUGH = 8;
/** A greeting, or a page with its parts, is over within this time, ms, and before the capture is. */
const OVER_MS = 5_000;
const OVER_SHARE = 0.8;
const GREETING_MESSAGES = 6;
/** So much more comes in than goes out of a machine that is written to: an upload, sensors. */
const WRITTEN_TO = 3;
/** Messages a second from either side below which hardly anything happens. */
const QUIET_PER_SECOND = 2;

/** Say why it cannot be told whether a flow shows a screen to somebody; null where it shows one surely, or surely none. */
export function whyUndecided(f: FlowEvidence): string | null {
  const { rhythm, clientMessages = 0, serverMessages = 0 } = f;
  if (rhythm === undefined || servesMachines(f)) return null;
  if (f.says !== undefined && SCREENLESS.has(f.says)) return null;
  if (f.initiator === 'desktop') return mayBeRelayed(f) ? SENDS : null;
  if (!listens(f)) return null;
  const isUsed = f.packetsIn >= ENOUGH && f.packetsOut >= ENOUGH;
  if (clientMessages + serverMessages === 0) return isUsed && f.initiator === undefined ? QUIET : null;
  if (serverMessages === 0 || f.bytesIn > WRITTEN_TO * f.bytesOut) return null;
  const isOver = rhythm.spanMs < Math.min(OVER_MS, OVER_SHARE * (f.seenMs ?? Infinity));
  if (isOver && clientMessages + serverMessages <= GREETING_MESSAGES) return null;
  if (isWeb(f) && (isOver || !isPrivateAddress(f.address ?? ''))) return null;
  if (clientMessages >= ENOUGH && (f.clientMessageBytes ?? 0) > MAX_MESSAGE_BYTES) return null;
  // Both sides in a beat, as calls and games are.
  if (f.protocol === 'udp' && hasMachineBeat(rhythm)) return null;
  return reasonOf(rhythm, clientMessages, serverMessages);
}

const QUIET = 'hardly anything is said on it, as on an idle screen or by a service that nobody uses';
const SENDS = 'it sends much to a server that it has called, as a screen over a relay or a file would be';
const PUSHED = 'it sends what nobody asks for, as a screen that is only looked at or a download would be';
const ASKED = 'small messages are answered, as those of a person at a screen or of a program would be';

function reasonOf(rhythm: FlowRhythm, clientMessages: number, serverMessages: number): string {
  const perSecond = (n: number) => (rhythm.spanMs <= 0 ? Infinity : (n * 1000) / rhythm.spanMs);
  if (Math.max(perSecond(clientMessages), perSecond(serverMessages)) < QUIET_PER_SECOND) return QUIET;
  return clientMessages < ENOUGH ? PUSHED : ASKED;
}

/** Ports on which FTP is spoken; its files come on others. */
const FTP_PORTS: readonly number[] = [20, 21, 990];

/** Tell which peers speak FTP with the desktop: what else they exchange on strange ports are its files. */
export function peersOfFtp(flows: readonly FlowKey[]): Set<string> {
  const speaks = (f: FlowKey) => [f.desktopPort, f.peerPort].some((p) => FTP_PORTS.includes(p));
  return new Set(flows.filter(speaks).map((f) => f.peerAddress));
}

/** The desktop called a server, which may pass its screen on; to web servers files are sent. */
function mayBeRelayed(f: FlowEvidence): boolean {
  const { clientMessages = 0, clientMessageBytes = 0 } = f;
  return (
    !WEB_PORTS.has(f.peerPort) &&
    f.bytesOut > f.bytesIn &&
    clientMessages >= ENOUGH &&
    clientMessageBytes <= MAX_MESSAGE_BYTES
  );
}
