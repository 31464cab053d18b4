// Captures are not always in the order of time: several queues or interfaces are written in batches, clocks of two interfaces differ, a
// packet that passes a bridge and a tap is there twice. A first pass over the file learns which of it is so; a second one mends it.
import { Heap } from 'heap-js';
import type { PacketHeader } from './packet.js';

/** Batches of several interfaces are written within this time; what goes back farther is a clock that was set back, or another capture. */
const WINDOW_MS = 2_000;
/** Packets that wait for earlier ones at most: about a second of a gigabit. */
const MAX_WAITING = 200_000;
/** Conversations whose order is looked at. */
const MAX_CONVERSATIONS = 2_000;
/** Steps kept of each, either way. */
const MAX_STEPS = 4_096;
/** Changes of direction that tell anything of two clocks. */
const MIN_STEPS = 20;
/** Whole captures of one direction each change it once, or a few times where several are appended. */
const HALVES_CHANGES = 3;
/** Share of packets before the one in front of them from which on two clocks are thought of. */
const BACKWARDS_SHARE = 0.02;
/** Two clocks can be put right if they are known so well. */
const KNOWN_WITHIN_MS = 5;
/** A clock that is off by less disturbs no figure. */
const LEAST_SKEW_MS = 0.5;
/** Two copies of a packet pass a host within this; what is sent again takes a round trip at least, or a timer of 200 ms. */
const TWIN_MS = 5;
/** Packets at the start of a capture by which it is judged whether packets are there twice. */
const TWINS_JUDGED = 100_000;
/** Share of packets with a copy from which on a capture counts as taken in two places. */
const TWINS_SHARE = 0.05;
/** Of UDP, where nothing but a copy within so short a time tells, all have to have exactly one. */
const UDP_TWINS_SHARE = 0.8;

/** Which of its two ends a packet comes from; ends are in the order of their names, so that both directions are one conversation. */
function conversationOf(h: PacketHeader): { readonly id: string; readonly fromFirst: boolean } {
  const source = `${h.source} ${h.sourcePort}`;
  const destination = `${h.destination} ${h.destinationPort}`;
  const fromFirst = source <= destination;
  return {
    id: `${h.protocol} ${fromFirst ? source : destination} ${fromFirst ? destination : source}`,
    fromFirst,
  };
}

interface Conversation {
  readonly sample: PacketHeader;
  last: { readonly timeMs: number; readonly fromFirst: boolean } | undefined;
  /** Steps back in time, of all and of those between two packets of one direction. */
  backwards: number;
  inOneDirection: number;
  packets: number;
  readonly newestMs: { first: number; second: number };
  readonly oldestMs: { first: number; second: number };
  /** How often the direction changes, and how often far back in time: where the other half begins. */
  changes: number;
  returns: number;
  /** From the first end's packet to the second's behind it, ms, and the other way round. */
  readonly firstThenSecond: number[];
  readonly secondThenFirst: number[];
}

const keyOf = (h: PacketHeader): string =>
  h.tcp === undefined
    ? `${h.source} ${h.sourcePort} ${h.destination} ${h.destinationPort} ${h.ipId} ${h.checksum} ${h.ipBytes}`
    : `${h.source} ${h.sourcePort} ${h.destination} ${h.destinationPort} ${h.ipId} ${h.checksum} ${h.ipBytes} ${h.tcp.sequence} ${h.tcp.acknowledgement} ${h.tcp.timestamp?.value ?? ''}`;

/** Counts how often each packet is seen within a short time. */
class TwinCounts {
  packets = 0;
  readonly #open = new Map<string, { timeMs: number; times: number }>();
  /** Packets seen exactly twice, and more often. */
  pairs = 0;
  crowds = 0;

  add(h: PacketHeader): void {
    this.packets++;
    const key = keyOf(h);
    const known = this.#open.get(key);
    if (known === undefined || Math.abs(h.timeMs - known.timeMs) > TWIN_MS) {
      this.#open.delete(key);
      this.#open.set(key, { timeMs: h.timeMs, times: 1 });
      if (this.#open.size > 4_096) this.#open.delete(this.#open.keys().next().value ?? '');
      return;
    }
    known.times++;
    if (known.times === 2) this.pairs++;
    if (known.times === 3) {
      this.pairs--;
      this.crowds++;
    }
  }
}

/** `isKnown`: to a few milliseconds; else what lies between question and answer leaves it open. */
export interface ClockSkew {
  readonly behindMs: number;
  readonly isKnown: boolean;
}

/** The first pass: looks, changes nothing. */
export class OrderCheck {
  /** Packets that come after later ones, and by how much at most within the window, ms. */
  outOfOrder = 0;
  #mostMs = 0;
  #newestMs = -Infinity;
  readonly #conversations = new Map<string, Conversation>();
  readonly #tcp = new TwinCounts();
  readonly #udp = new TwinCounts();

  /** Take in one packet, in the order of the file. */
  add(h: PacketHeader): void {
    const back = this.#newestMs - h.timeMs;
    if (back > WINDOW_MS) this.#newestMs = h.timeMs;
    else if (back > 0) {
      this.outOfOrder++;
      this.#mostMs = Math.max(this.#mostMs, back);
    } else this.#newestMs = h.timeMs;
    if (this.#tcp.packets + this.#udp.packets < TWINS_JUDGED)
      (h.tcp === undefined ? this.#udp : this.#tcp).add(h);
    this.#follow(h);
  }

  #follow(h: PacketHeader): void {
    const { id, fromFirst } = conversationOf(h);
    let c = this.#conversations.get(id);
    if (c === undefined) {
      if (this.#conversations.size >= MAX_CONVERSATIONS) return;
      c = {
        sample: h,
        last: undefined,
        backwards: 0,
        inOneDirection: 0,
        packets: 0,
        newestMs: { first: -Infinity, second: -Infinity },
        oldestMs: { first: Infinity, second: Infinity },
        changes: 0,
        returns: 0,
        firstThenSecond: [],
        secondThenFirst: [],
      };
      this.#conversations.set(id, c);
    }
    c.packets++;
    const side = fromFirst ? 'first' : 'second';
    const back = c.newestMs[side] - h.timeMs;
    if (back > LEAST_SKEW_MS && back <= WINDOW_MS) c.inOneDirection++;
    c.newestMs[side] = back > WINDOW_MS ? h.timeMs : Math.max(c.newestMs[side], h.timeMs);
    c.oldestMs[side] = Math.min(c.oldestMs[side], h.timeMs);
    const { last } = c;
    if (last !== undefined && last.fromFirst !== fromFirst) {
      c.changes++;
      if (last.timeMs - h.timeMs > WINDOW_MS) c.returns++;
    }
    c.last = { timeMs: h.timeMs, fromFirst };
    if (last === undefined) return;
    const step = h.timeMs - last.timeMs;
    if (Math.abs(step) > WINDOW_MS) return;
    if (step < -LEAST_SKEW_MS) c.backwards++;
    if (last.fromFirst === fromFirst) return;
    const steps = last.fromFirst ? c.firstThenSecond : c.secondThenFirst;
    if (steps.length < MAX_STEPS) steps.push(step);
  }

  /** How long a packet may have to wait for earlier ones, ms; 0 where all is in order. */
  get waitMs(): number {
    return this.#mostMs;
  }

  /** Tell whether packets are there twice, as when bridge and tap were captured together. */
  get hasTwins(): boolean {
    const { packets, pairs, crowds } = this.#tcp;
    if (packets > 0 && (pairs + crowds) / packets >= TWINS_SHARE) return true;
    const udp = this.#udp;
    // All of them twice, or all of them more often: two places, or three.
    const copied = Math.max(2 * udp.pairs, 3 * udp.crowds);
    return (
      packets === 0 &&
      udp.packets > 0 &&
      Math.min(udp.pairs, udp.crowds) === 0 &&
      copied / udp.packets >= UDP_TWINS_SHARE
    );
  }

  /** Tell whether a desktop's main conversation stands there one direction behind the other, as when the captures of two interfaces are appended. */
  isInHalves(isFromDesktop: (h: PacketHeader) => boolean | undefined): boolean {
    const main = this.#main(isFromDesktop);
    if (main === undefined || main.packets < MIN_STEPS || main.changes > HALVES_CHANGES) return false;
    // One end that says little changes the direction as seldom, but never goes back.
    if (main.returns === 0) return false;
    const { oldestMs, newestMs } = main;
    const togetherMs = Math.min(newestMs.first, newestMs.second) - Math.max(oldestMs.first, oldestMs.second);
    return togetherMs > WINDOW_MS;
  }

  #main(isFromDesktop: (h: PacketHeader) => boolean | undefined): Conversation | undefined {
    let main: Conversation | undefined;
    for (const c of this.#conversations.values())
      if (isFromDesktop(c.sample) !== undefined && c.packets > (main?.packets ?? 0)) main = c;
    return main;
  }

  /**
   * How far the clock of packets towards a desktop is behind that of packets from it, by the order of the file: packets that answer each
   * other stand in the right order there, while their times contradict it by a constant. Undefined: no skew, or not a constant one (then
   * the file was written in batches, and its times are right). `isFromDesktop` tells a packet's direction, undefined for somebody else's.
   */
  skewOf(isFromDesktop: (h: PacketHeader) => boolean | undefined): ClockSkew | undefined {
    const main = this.#main(isFromDesktop);
    if (main === undefined || main.backwards < BACKWARDS_SHARE * main.packets) return undefined;
    if (main.inOneDirection > BACKWARDS_SHARE * main.packets) return undefined;
    const { firstThenSecond, secondThenFirst, sample } = main;
    if (Math.min(firstThenSecond.length, secondThenFirst.length) < MIN_STEPS) return undefined;
    // Added to the second end's times, `by` must make no step negative: firstThenSecond + by >= 0 and secondThenFirst - by >= 0.
    const atLeast = -quantile(firstThenSecond, 0.01);
    const atMost = quantile(secondThenFirst, 0.01);
    if (atLeast > atMost + LEAST_SKEW_MS) return undefined;
    const by = (atLeast + atMost) / 2;
    const behind = conversationOf(sample).fromFirst === isFromDesktop(sample) ? by : -by;
    return { behindMs: behind, isKnown: atMost - atLeast <= KNOWN_WITHIN_MS };
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

interface Waiting {
  readonly header: PacketHeader;
  readonly number: number;
}

/** Gives packets out in the order of their times, each at most `waitMs` late. */
export class Sorter {
  readonly #waitMs: number;
  readonly #out: (header: PacketHeader) => void;
  readonly #heap = new Heap<Waiting>((a, b) => a.header.timeMs - b.header.timeMs || a.number - b.number);
  #newestMs = -Infinity;
  #count = 0;

  constructor(waitMs: number, out: (header: PacketHeader) => void) {
    this.#waitMs = waitMs;
    this.#out = out;
  }

  /** Take in the next packet of the file. */
  push(header: PacketHeader): void {
    if (this.#waitMs === 0) {
      this.#out(header);
      return;
    }
    // A clock set back, or the next of several captures: what waits has nothing to wait for.
    if (header.timeMs < this.#newestMs - WINDOW_MS) {
      this.end();
      this.#newestMs = header.timeMs;
    }
    this.#newestMs = Math.max(this.#newestMs, header.timeMs);
    this.#heap.push({ header, number: this.#count++ });
    while (
      this.#heap.length > MAX_WAITING ||
      (this.#heap.peek()?.header.timeMs ?? Infinity) < this.#newestMs - this.#waitMs
    )
      this.#release();
  }

  #release(): void {
    const next = this.#heap.pop();
    if (next !== undefined) this.#out(next.header);
  }

  /** Give out what still waits. */
  end(): void {
    while (this.#heap.length > 0) this.#release();
  }
}

/** Leaves out second copies of packets. */
export class TwinFilter {
  dropped = 0;
  readonly #seen = new Map<string, number>();

  /** Tell whether this is the first copy. */
  isFirst(h: PacketHeader): boolean {
    const key = keyOf(h);
    const before = this.#seen.get(key);
    this.#seen.delete(key);
    if (before !== undefined && Math.abs(h.timeMs - before) <= TWIN_MS) {
      this.dropped++;
      return false;
    }
    this.#seen.set(key, h.timeMs);
    if (this.#seen.size > 65_536) this.#seen.delete(this.#seen.keys().next().value ?? '');
    return true;
  }
}
