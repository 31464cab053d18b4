// Groups a desktop's packets into flows, seen from the desktop, and keeps each flow's clock: time that jumps back or leaps ahead
// is counted and left out, so that concatenated or stepped captures give true rates. Bounded: what does not fit is counted, not kept.
import type { FlowKey } from '../model.js';
import { protocolOfBytes } from './greeting.js';
import type { PacketHeader, TcpFields } from './packet.js';
import { serialAdd, serialDistance } from './sequence-numbers.js';

export interface FlowPacket {
  /** Milliseconds of observed time since the flow's first packet, clock jumps taken out. Never decreases. */
  readonly atMs: number;
  readonly fromDesktop: boolean;
  readonly payloadBytes: number;
  readonly tcp: TcpFields | undefined;
}

export interface CapturedFlow {
  readonly key: FlowKey;
  bytesIn: number;
  packetsIn: number;
  bytesOut: number;
  packetsOut: number;
  /** Who opened it, when the handshake was seen. */
  initiator: 'desktop' | 'peer' | undefined;
  activeMs: number;
  clockJumps: number;
  /** Protocol by the first bytes of either side, where they were captured and say one. */
  says: string | undefined;
  /** The first packets, kept for cycle analysis, and how many came after them that were only counted. */
  readonly packets: FlowPacket[];
  unkeptPackets: number;
}

/** A minute and a half of video at full rate; more adds nothing to medians. */
const MAX_PACKETS_PER_FLOW = 60_000;
/** Of all flows together, about 120 MB: where they are many, each keeps fewer. */
export const MAX_PACKETS_KEPT = 600_000;
/** So many flows with most bytes from the desktop give theirs up last: a screen is among them. */
const FAVOURED = 8;
/** What the others keep before those have to give. */
const FEW = 128;
/** A protocol greets in its first packets. */
const GREETING_PACKETS = 16;
/** A port scan must not fill the memory of dom0. */
export const MAX_FLOWS_KEPT = 4_096;
/** Silence longer than this is no part of a session: a stepped clock, or captures strung together. */
const LEAP_MS = 60_000;
/** A leap of the clock that is told from silence by what the senders' packets say; and how long their own clocks have to be seen before. */
const STEP_MS = 500;
const LEARNED_MS = 300;
/** Packets captured on two cores may swap by so much; more is a clock that was set back. */
const REORDER_MS = 5;

export class FlowTable {
  readonly desktop: string;
  readonly flows = new Map<string, CapturedFlow>();
  unkept = 0;
  readonly #clocks = new Map<string, Clock>();
  readonly #clock = new Clock();
  readonly #senders = new Map<string, Sender>();
  readonly #mostKept: number;
  #kept = 0;
  #mostOfFavoured = MAX_PACKETS_PER_FLOW;
  #mostOfOthers = MAX_PACKETS_PER_FLOW;
  readonly #favoured = new Set<CapturedFlow>();

  constructor(desktop: string, mostKept = MAX_PACKETS_KEPT) {
    this.desktop = desktop;
    this.#mostKept = mostKept;
  }

  /** Milliseconds from the first packet to the last, clock jumps taken out. */
  get activeMs(): number {
    return this.#clock.activeMs;
  }

  /** Tell whether a packet is from the desktop; undefined for one that has nothing to do with it. */
  isFromDesktop(header: PacketHeader): boolean | undefined {
    const from = this.#isFromDesktop(header);
    return from || header.destination === this.desktop ? from : undefined;
  }

  /** Take in one packet; false when it is not of this desktop. */
  add(header: PacketHeader): boolean {
    const fromDesktop = this.#isFromDesktop(header);
    if (!fromDesktop && header.destination !== this.desktop) return false;
    const key = flowKeyOf(header, fromDesktop);
    const id = flowId(key);
    const stepped = this.#sender(id, fromDesktop).isStep(header);
    this.#clock.advance(header.timeMs, stepped);
    const flow = this.flows.get(id) ?? this.#open(id, key);
    if (flow === undefined) return true;
    const clock = this.#clocks.get(id);
    if (clock?.advance(header.timeMs, stepped) === false) flow.clockJumps += 1;
    flow.activeMs = clock?.activeMs ?? 0;
    count(flow, header, fromDesktop);
    if (flow.says === undefined && flow.packets.length < GREETING_PACKETS && header.payload !== undefined)
      flow.says = protocolOfBytes(header.payload) ?? undefined;
    this.#keep(flow, {
      atMs: flow.activeMs,
      fromDesktop,
      payloadBytes: header.payloadBytes,
      tcp: header.tcp,
    });
    return true;
  }

  /** What is kept of a flow is its beginning without a hole: a later packet is no use behind one that is missing. */
  #keep(flow: CapturedFlow, packet: FlowPacket): void {
    if (flow.unkeptPackets > 0 || (flow.packets.length >= this.#mostOf(flow) && !this.#favour(flow))) {
      flow.unkeptPackets += 1;
      return;
    }
    flow.packets.push(packet);
    this.#kept += 1;
    while (this.#kept > this.#mostKept) this.#keepLess();
  }

  #mostOf(flow: CapturedFlow): number {
    return this.#favoured.has(flow) ? this.#mostOfFavoured : this.#mostOfOthers;
  }

  /** Let a flow that has as many packets as the others may keep take the place of a favoured one with fewer bytes; false: it has no more. */
  #favour(flow: CapturedFlow): boolean {
    if (this.#favoured.has(flow) || this.#mostOfOthers >= this.#mostOfFavoured) return false;
    const least = [...this.#favoured].sort((a, b) => a.bytesOut - b.bytesOut)[0];
    if (least === undefined || least.bytesOut >= flow.bytesOut) return false;
    this.#favoured.delete(least);
    this.#favoured.add(flow);
    this.#trim(least);
    return true;
  }

  /** Make room by what the longest flows can spare. */
  #keepLess(): void {
    if (this.#favoured.size === 0)
      for (const flow of [...this.flows.values()].sort((a, b) => b.bytesOut - a.bytesOut).slice(0, FAVOURED))
        this.#favoured.add(flow);
    if (this.#mostOfOthers > FEW) this.#mostOfOthers = Math.floor(this.#mostOfOthers / 2);
    else {
      this.#mostOfFavoured = Math.floor(this.#mostOfFavoured / 2);
      this.#mostOfOthers = Math.min(this.#mostOfOthers, this.#mostOfFavoured);
    }
    for (const flow of this.flows.values()) this.#trim(flow);
  }

  #trim(flow: CapturedFlow): void {
    const most = this.#mostOf(flow);
    const spare = flow.packets.length - most;
    if (spare <= 0) return;
    flow.packets.length = most;
    flow.unkeptPackets += spare;
    this.#kept -= spare;
  }

  /** What the sender of this packet has sent so far in its flow. */
  #sender(flow: string, fromDesktop: boolean): Sender {
    const id = `${flow} ${fromDesktop ? 'out' : 'in'}`;
    const known = this.#senders.get(id) ?? new Sender();
    if (this.#senders.size < 2 * MAX_FLOWS_KEPT) this.#senders.set(id, known);
    return known;
  }

  #open(id: string, key: FlowKey): CapturedFlow | undefined {
    if (this.flows.size >= MAX_FLOWS_KEPT) {
      this.unkept += 1;
      return undefined;
    }
    const flow: CapturedFlow = {
      key,
      bytesIn: 0,
      packetsIn: 0,
      bytesOut: 0,
      packetsOut: 0,
      initiator: undefined,
      activeMs: 0,
      clockJumps: 0,
      says: undefined,
      packets: [],
      unkeptPackets: 0,
    };
    this.flows.set(id, flow);
    this.#clocks.set(id, new Clock());
    return flow;
  }

  /** A loopback capture has one address on both sides: the service is at the lower port. */
  #isFromDesktop(h: PacketHeader): boolean {
    if (h.source !== this.desktop) return false;
    return h.destination !== this.desktop || h.sourcePort <= h.destinationPort;
  }
}

/**
 * What one sender's packets say of the capture's own clock: where its TCP timestamps go on evenly while that clock leaps, the clock was set;
 * where its sequence numbers leap too, nothing was captured for a while.
 */
class Sender {
  #first: Stamp | undefined;
  #last: Stamp | undefined;
  #heard: { readonly timeMs: number; readonly end: number } | undefined;

  /** Take in the sender's next packet; tell whether the time since its last one was not observed. */
  isStep({ timeMs, tcp, payloadBytes }: PacketHeader): boolean {
    if (tcp === undefined) return false;
    const heard = this.#heard;
    const end = serialAdd(tcp.sequence, payloadBytes + (tcp.syn || tcp.fin ? 1 : 0));
    this.#heard = { timeMs, end };
    const isHole =
      heard !== undefined &&
      !tcp.syn &&
      timeMs - heard.timeMs > STEP_MS &&
      serialDistance(tcp.sequence, heard.end) > 0;
    return this.#isSet(timeMs, tcp) || isHole;
  }

  #isSet(timeMs: number, { timestamp }: TcpFields): boolean {
    if (timestamp === undefined) return false;
    const { value } = timestamp;
    const [first, last] = [this.#first, this.#last];
    this.#last = { timeMs, value };
    this.#first ??= this.#last;
    if (first === undefined || last === undefined) return false;
    const stepMs = timeMs - last.timeMs;
    if (stepMs <= STEP_MS) return false;
    const seenMs = last.timeMs - first.timeMs;
    const ticks = serialDistance(last.value, first.value);
    // What its clock makes of the leap, by how fast it ticked before.
    const leaptMs = (serialDistance(value, last.value) * seenMs) / ticks;
    const isSet = seenMs >= LEARNED_MS && ticks > 0 && leaptMs >= 0 && leaptMs < stepMs / 2;
    if (isSet) this.#first = this.#last;
    return isSet;
  }
}

interface Stamp {
  readonly timeMs: number;
  readonly value: number;
}

/** Observed time: what passes between packets, without the jumps of the clock. */
class Clock {
  activeMs = 0;
  #lastMs: number | undefined;

  /** Go on to `timeMs`; false when that is a jump, `stepped` as a sender's own clock says. */
  advance(timeMs: number, stepped: boolean): boolean {
    const step = timeMs - (this.#lastMs ?? timeMs);
    const jumped = (stepped && step > STEP_MS) || step < -REORDER_MS || step > LEAP_MS;
    if (!jumped && step < 0) return true;
    if (!jumped) this.activeMs += step;
    this.#lastMs = timeMs;
    return !jumped;
  }
}

/** One name for a flow, for maps. */
export function flowId(key: FlowKey): string {
  return `${key.protocol} ${key.desktopPort} ${key.peerAddress} ${key.peerPort}`;
}

function flowKeyOf(h: PacketHeader, fromDesktop: boolean): FlowKey {
  return {
    protocol: h.protocol,
    desktopPort: fromDesktop ? h.sourcePort : h.destinationPort,
    peerAddress: fromDesktop ? h.destination : h.source,
    peerPort: fromDesktop ? h.destinationPort : h.sourcePort,
  };
}

function count(flow: CapturedFlow, header: PacketHeader, fromDesktop: boolean): void {
  if (fromDesktop) {
    flow.bytesOut += header.ipBytes;
    flow.packetsOut += 1;
  } else {
    flow.bytesIn += header.ipBytes;
    flow.packetsIn += 1;
  }
  if (header.tcp?.syn === true && flow.initiator === undefined)
    flow.initiator = fromDesktop !== header.tcp.ack ? 'desktop' : 'peer';
}
