// What kinds of services have in common: TLS around them, data without a pause, ports.
import { beating, together } from '../flows.js';
import type { Conversation } from '../packets.js';

/** TLS from its first byte. */
export const handshake = [
  [false, 320, Buffer.from('1603010200', 'hex')],
  [true, 2_900, Buffer.from('1603030200', 'hex')],
  [false, 93],
  [true, 51],
] as const;

/** A stream that is paced: `kBps` kilobytes a second without a pause. */
export const paced = (seconds: number, kBps: number, fromServer: boolean, bytes = 1_448) =>
  beating(seconds, bytes / kBps, bytes, fromServer);

/** Data without a pause, and a small message for each block that has come, several at a time where `clumped`: copies over SSH, windows. */
export const windowed = (
  seconds: number,
  kBps: number,
  blockBytes: number,
  ask: number,
  clumped = 1,
): Conversation['said'] => {
  const asks = beating(seconds, (blockBytes * clumped) / kBps, ask, false, 1);
  const later =
    (byMs: number): Conversation['said'] =>
    (random) =>
      asks(random).map((s) => ({ ...s, atMs: s.atMs + byMs }));
  return together(paced(seconds, kBps, true), ...Array.from({ length: clumped }, (_, k) => later(k * 1.6)));
};

/** `alsoOn`: other ports where it is captured too, so that none is known by its port alone. */
export type Service = readonly [name: string, conversation: Conversation, alsoOn?: readonly number[]];
/** Ports of nobody, for services that are met anywhere. */
export const ELSEWHERE = [31_337, 8_765] as const;
