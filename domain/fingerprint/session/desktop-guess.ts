// Guesses which address of a capture is the desktop, when the operator does not say: the one that serves a remote desktop, by port or by
// behaviour; else the private address with most traffic. Bounded: of a capture with very many flows the first ones decide.
import { isPrivateAddress } from '../../model/address.js';
import type { PacketHeader, TcpFields } from '../capture/packet.js';
import { serialAdd } from '../capture/sequence-numbers.js';
import { protocolOfBytes } from '../capture/greeting.js';
import { BURST_GAP_MS, rhythmOf } from './flow-rhythm.js';
import { behaves, findRemoteDesktop, type FlowEvidence, type RemoteDesktopHints } from './remote-desktop.js';
import { peersOfFtp, whyUndecided } from './undecided.js';

/** Flows that are looked at; later ones are counted to their addresses only. */
const MAX_FLOWS = 20_000;
/** Packets of a flow, and of all, that its rhythm is judged by. */
const MAX_TURNS = 3_000;
const MAX_TURNS_KEPT = 600_000;
const GREETING_TURNS = 16;
/** Two small messages one after the other are two: keys, pointers. */
const SMALL_MESSAGE_BYTES = 600;
/** Desktops reported of one capture. */
const MAX_DESKTOPS = 16;

export interface GuessedDesktop {
  readonly address: string;
  readonly why: 'port' | 'behaviour' | 'undecided' | 'traffic';
  /** Other addresses that are as likely. */
  readonly others?: readonly string[];
}

interface Side {
  readonly address: string;
  readonly port: number;
  bytes: number;
  packets: number;
  messages: number;
  messageBytes: number;
  largestBytes: number;
  /** Its newest data that nobody has acknowledged yet, and how soon that was done at best, ms. */
  sent: { readonly end: number; readonly atMs: number } | undefined;
  acknowledgedMs: number | undefined;
}
interface Pair {
  readonly protocol: 'tcp' | 'udp';
  readonly a: Side;
  readonly b: Side;
  opener: Side | undefined;
  says: string | undefined;
  /** Packets with a payload, those of one side that followed each other closely as one. */
  readonly turns: {
    readonly atMs: number;
    endMs: number;
    readonly fromA: boolean;
    bytes: number;
    lastBytes: number;
  }[];
}

export class DesktopGuess {
  readonly #pairs = new Map<string, Pair>();
  readonly #bytes = new Map<string, number>();
  #turns = 0;
  readonly #seen = { firstMs: Infinity, lastMs: -Infinity };

  /** Take in one packet. */
  add(h: PacketHeader): void {
    for (const address of [h.source, h.destination])
      if (this.#bytes.has(address) || this.#bytes.size < MAX_FLOWS)
        this.#bytes.set(address, (this.#bytes.get(address) ?? 0) + h.ipBytes);
    this.#seen.firstMs = Math.min(this.#seen.firstMs, h.timeMs);
    this.#seen.lastMs = Math.max(this.#seen.lastMs, h.timeMs);
    const pair = this.#pair(h);
    if (pair === undefined) return;
    const from = pair.a.address === h.source && pair.a.port === h.sourcePort ? pair.a : pair.b;
    from.bytes += h.ipBytes;
    from.packets += 1;
    if (h.tcp !== undefined) acknowledge(from, from === pair.a ? pair.b : pair.a, h, h.tcp);
    if (h.payloadBytes > 0) {
      from.messages += 1;
      from.messageBytes += h.payloadBytes;
      from.largestBytes = Math.max(from.largestBytes, h.payloadBytes);
      this.#turn(pair, h, from === pair.a);
      if (pair.says === undefined && pair.turns.length <= GREETING_TURNS && h.payload !== undefined)
        pair.says = protocolOfBytes(h.payload) ?? undefined;
    }
    if (h.tcp?.syn === true) pair.opener ??= h.tcp.ack ? (from === pair.a ? pair.b : pair.a) : from;
  }

  #turn(pair: Pair, h: PacketHeader, fromA: boolean): void {
    const last = pair.turns.at(-1);
    // Pieces of a picture are put together; of a client's messages each counts.
    const follows =
      last?.fromA === fromA &&
      h.payloadBytes + last.bytes > SMALL_MESSAGE_BYTES &&
      Math.abs(h.timeMs - last.endMs) < BURST_GAP_MS;
    if (last !== undefined && follows) {
      last.endMs = Math.max(last.endMs, h.timeMs);
      last.bytes += h.payloadBytes;
      last.lastBytes = h.payloadBytes;
    } else if (pair.turns.length < MAX_TURNS && this.#turns < MAX_TURNS_KEPT) {
      this.#turns += 1;
      pair.turns.push({
        atMs: h.timeMs,
        endMs: h.timeMs,
        fromA,
        bytes: h.payloadBytes,
        lastBytes: h.payloadBytes,
      });
    }
  }

  /** Give the likely desktops, most traffic first; empty for a capture without TCP or UDP. */
  result(hints: RemoteDesktopHints): GuessedDesktop[] {
    const seenMs = this.#seen.lastMs - this.#seen.firstMs;
    const seen = [...this.#pairs.values()].flatMap((p) => [
      { ...view(p, p.a, p.b), seenMs },
      { ...view(p, p.b, p.a), seenMs },
    ]);
    const byPort = seen.filter((v) => findRemoteDesktop([v], hints)?.foundBy === 'port');
    const known = new Set(byPort.map((v) => v.address));
    // Beside one whose port names it only what is no business of its own counts: its viewers and the servers that it uses are no desktops.
    const found = [
      ...byPort,
      ...seen.filter((v) => !known.has(v.address) && !known.has(v.peerAddress) && behaves(v)),
    ].sort((x, y) => y.bytesIn + y.bytesOut - x.bytesIn - x.bytesOut);
    const likely = [...new Set(found.map((v) => v.address))].slice(0, MAX_DESKTOPS);
    const whyOf = (address: string) => (known.has(address) ? ('port' as const) : ('behaviour' as const));
    if (likely.length > 0)
      return likely.map((address) => ({
        address,
        why: whyOf(address),
        ...(likely.length === 1 ? {} : { others: likely.filter((a) => a !== address) }),
      }));
    const undecided = undecidedOf(seen);
    if (undecided !== undefined) return [undecided];
    const busiest = [...this.#bytes].sort((x, y) => y[1] - x[1]).map(([address]) => address);
    const address = busiest.find(isPrivateAddress) ?? busiest[0];
    return address === undefined ? [] : [{ address, why: 'traffic' }];
  }

  #pair(h: PacketHeader): Pair | undefined {
    const ends = [`${h.source} ${h.sourcePort}`, `${h.destination} ${h.destinationPort}`].sort();
    const id = `${h.protocol} ${ends.join(' ')}`;
    const known = this.#pairs.get(id);
    if (known !== undefined || this.#pairs.size >= MAX_FLOWS) return known;
    const pair = {
      protocol: h.protocol,
      a: side(h.source, h.sourcePort),
      b: side(h.destination, h.destinationPort),
      opener: undefined,
      says: undefined,
      turns: [],
    };
    this.#pairs.set(id, pair);
    return pair;
  }
}

/** The busiest of those that may show a screen, a private address first: who is outside is a server of the web more often. */
function undecidedOf(
  seen: readonly (FlowEvidence & { readonly address: string })[],
): GuessedDesktop | undefined {
  const volume = (f: FlowEvidence) => f.bytesIn + f.bytesOut;
  const ftp = (address: string) => peersOfFtp(seen.filter((v) => v.address === address));
  const [first, ...rest] = seen
    .filter(
      (v) => v.initiator !== 'desktop' && whyUndecided(v) !== null && !ftp(v.address).has(v.peerAddress),
    )
    .sort(
      (x, y) =>
        Number(isPrivateAddress(y.address)) - Number(isPrivateAddress(x.address)) || volume(y) - volume(x),
    )
    .map((v) => v.address);
  if (first === undefined) return undefined;
  const others = [...new Set(rest)].filter((a) => a !== first).slice(0, MAX_DESKTOPS);
  return { address: first, why: 'undecided', ...(others.length === 0 ? {} : { others }) };
}

function acknowledge(from: Side, to: Side, h: PacketHeader, tcp: TcpFields): void {
  if (to.sent !== undefined && tcp.ack && tcp.acknowledgement === to.sent.end) {
    to.acknowledgedMs = Math.min(to.acknowledgedMs ?? Infinity, Math.max(0, h.timeMs - to.sent.atMs));
    to.sent = undefined;
  }
  if (h.payloadBytes > 0) from.sent = { end: serialAdd(tcp.sequence, h.payloadBytes), atMs: h.timeMs };
}

function side(address: string, port: number): Side {
  return {
    address,
    port,
    bytes: 0,
    packets: 0,
    messages: 0,
    messageBytes: 0,
    largestBytes: 0,
    sent: undefined,
    acknowledgedMs: undefined,
  };
}

/** A pair as it is seen from one of its ends. */
function view(pair: Pair, desktop: Side, peer: Side): FlowEvidence & { address: string } {
  return {
    address: desktop.address,
    protocol: pair.protocol,
    desktopPort: desktop.port,
    peerAddress: peer.address,
    peerPort: peer.port,
    bytesIn: peer.bytes,
    packetsIn: peer.packets,
    bytesOut: desktop.bytes,
    packetsOut: desktop.packets,
    initiator: pair.opener === undefined ? undefined : pair.opener === desktop ? 'desktop' : 'peer',
    clientMessages: peer.messages,
    clientMessageBytes: peer.messages === 0 ? 0 : peer.messageBytes / peer.messages,
    serverMessages: desktop.messages,
    says: pair.says,
    acknowledgedMs: desktop.acknowledgedMs,
    rhythm: rhythmOf(
      // Batches of several interfaces are not in the order of time.
      [...pair.turns]
        .sort((x, y) => x.atMs - y.atMs)
        .map(({ atMs, endMs, fromA, bytes, lastBytes }) => ({
          atMs,
          endMs,
          bytes,
          lastBytes,
          fromDesktop: fromA === (desktop === pair.a),
        })),
      desktop.largestBytes,
    ),
  };
}
