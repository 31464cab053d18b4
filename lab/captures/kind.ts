// A capture of a kind, and what must be made of it.
import { pcap, type Frame } from './files.js';
import { packetsOf, type Conversation, type Packet } from './packets.js';

/** What is right, and nothing else is. */
export interface Right {
  /** Addresses of desktops that are found, and no others; none: there is no session, and a reason says so. */
  readonly desktops?: readonly string[];
  readonly protocol?: string | null;
  /** Frames a second, within a tenth. */
  readonly framesPerSecond?: number;
  /** Within three milliseconds and a tenth. */
  readonly rttMs?: number;
  readonly rank?: { readonly least: number; readonly most: number };
  /** No rank and no figure: the reason says so. */
  readonly unknown?: RegExp;
  /** What a reason says, rank or not. */
  readonly says?: RegExp;
  /** The whole capture is refused by a message like this. */
  readonly refused?: RegExp;
}

export interface Kind {
  readonly group: string;
  readonly name: string;
  readonly file: () => Buffer;
  /** `--desktop`. */
  readonly desktop?: string;
  readonly right: Right;
}

/** Ethernet around IP packets. */
export function framed(
  packets: readonly Packet[],
  wrap: (ip: Buffer, n: number, fromServer: boolean) => Buffer = inEthernet,
): Frame[] {
  return packets.map((p, n) => {
    const bytes = wrap(p.bytes, n, p.fromServer);
    return { timeMs: p.timeMs, bytes, wireBytes: p.wireBytes + bytes.length - p.bytes.length };
  });
}

function inEthernet(ip: Buffer): Buffer {
  const head = Buffer.from('0200000000010200000000020800', 'hex');
  if ((ip[0] ?? 0) >> 4 === 6) head.writeUInt16BE(0x86dd, 12);
  return Buffer.concat([head, ip]);
}

/** Both directions on a link or several: all packets in the order of time. */
export const inOrder = <T extends { readonly timeMs: number }>(...lists: readonly (readonly T[])[]): T[] =>
  lists.flat().sort((a, b) => a.timeMs - b.timeMs);

/** A capture of several conversations at a time. */
export const captureOf = (conversations: readonly Conversation[]): Buffer =>
  pcap(framed(inOrder(...conversations.map((c, n) => packetsOf(c, 7 + n)))));

export type Named = readonly [name: string, conversation: Conversation];
