// Messages inside a session (sealed in DATA packets), version 1. First byte: kind. `id` is a length byte and text, key 32 bytes, address 4.
//   1 KEEPALIVE  c>h  epoch u64 | pending epoch u64 (0: none)      2 ALIVE      h>c  epoch u64
//   3 PREPARE    h>c  id desktop | epoch u64 | old 4 | new 4 | target key 32 | lifetime ms u32
//   4 PREPARED   c>h  id desktop | epoch u64 | flows u16           5 COMMIT     h>c  id desktop | epoch u64
//   6 COMMITTED  c>h  id desktop | epoch u64 | flows u16           7 ABORT      h>c  id desktop | epoch u64
//   8 ABORTED    c>h  id desktop | epoch u64                       9 RTT_REPORT c>h  n u8 | n x (id site | rtt 0.01 ms u32 | age ms u32)
//  10 VOUCH      h>c  key 32 | serial u64 | revoked u8 | signature 64: what the authority says of a host (signed-keys.ts)
// A kind is accepted in its own direction only. Bytes after the fields that are known here are a later version's and are ignored (they are
// authenticated with the rest); so is a kind that is not known.
import { Reader, ipv4, label, u16, u32, u64, u8 } from './bytes.js';

export type Message =
  | { readonly kind: 'keepalive'; readonly epoch: number; readonly pendingEpoch: number }
  | { readonly kind: 'alive'; readonly epoch: number }
  | {
      readonly kind: 'prepare';
      readonly desktop: string;
      readonly epoch: number;
      readonly oldExternal: string;
      readonly newExternal: string;
      /** Ed25519 public key of the target's host: the only one that may commit this epoch. */
      readonly targetKey: Buffer;
      readonly lifetimeMs: number;
    }
  | { readonly kind: 'prepared'; readonly desktop: string; readonly epoch: number; readonly flows: number }
  | { readonly kind: 'commit'; readonly desktop: string; readonly epoch: number }
  | { readonly kind: 'committed'; readonly desktop: string; readonly epoch: number; readonly flows: number }
  | { readonly kind: 'abort'; readonly desktop: string; readonly epoch: number }
  | { readonly kind: 'aborted'; readonly desktop: string; readonly epoch: number }
  | { readonly kind: 'rttReport'; readonly rtts: readonly SiteRtt[] }
  | {
      readonly kind: 'vouch';
      readonly key: Buffer;
      readonly serial: number;
      readonly revoked: boolean;
      readonly signature: Buffer;
    };

export interface SiteRtt {
  readonly site: string;
  readonly rttMs: number;
  readonly ageMs: number;
}

export type Direction = 'toHost' | 'toClient';

const MAX_REPORTED_SITES = 24;
const MAX_FLOWS = 0xffff;
const U32 = 0xffff_ffff;

/** Encode a message; counts too large for their field are cut to the largest. */
export function encodeMessage(m: Message): Buffer {
  switch (m.kind) {
    case 'keepalive':
      return Buffer.concat([u8(1), u64(m.epoch), u64(m.pendingEpoch)]);
    case 'alive':
      return Buffer.concat([u8(2), u64(m.epoch)]);
    case 'prepare':
      return Buffer.concat([
        u8(3),
        label(m.desktop),
        u64(m.epoch),
        ipv4(m.oldExternal),
        ipv4(m.newExternal),
        m.targetKey,
        u32(m.lifetimeMs),
      ]);
    case 'prepared':
      return Buffer.concat([u8(4), label(m.desktop), u64(m.epoch), u16(Math.min(m.flows, MAX_FLOWS))]);
    case 'commit':
      return Buffer.concat([u8(5), label(m.desktop), u64(m.epoch)]);
    case 'committed':
      return Buffer.concat([u8(6), label(m.desktop), u64(m.epoch), u16(Math.min(m.flows, MAX_FLOWS))]);
    case 'abort':
      return Buffer.concat([u8(7), label(m.desktop), u64(m.epoch)]);
    case 'aborted':
      return Buffer.concat([u8(8), label(m.desktop), u64(m.epoch)]);
    case 'vouch':
      return Buffer.concat([u8(10), m.key, u64(m.serial), u8(m.revoked ? 1 : 0), m.signature]);
    case 'rttReport': {
      const rtts = m.rtts.slice(0, MAX_REPORTED_SITES);
      const rows = rtts.flatMap((r) => [
        label(r.site),
        u32(Math.min(Math.round(r.rttMs * 100), U32)),
        u32(Math.min(Math.round(r.ageMs), U32)),
      ]);
      return Buffer.concat([u8(9), u8(rtts.length), ...rows]);
    }
  }
}

function readToHost(kind: number, r: Reader): Message | null {
  switch (kind) {
    case 1:
      return { kind: 'keepalive', epoch: r.u64(), pendingEpoch: r.u64() };
    case 4:
      return { kind: 'prepared', desktop: r.label(), epoch: r.u64(), flows: r.u16() };
    case 6:
      return { kind: 'committed', desktop: r.label(), epoch: r.u64(), flows: r.u16() };
    case 8:
      return { kind: 'aborted', desktop: r.label(), epoch: r.u64() };
    case 9: {
      const count = r.u8();
      if (count > MAX_REPORTED_SITES) return null;
      const rtts = Array.from({ length: count }, () => ({
        site: r.label(),
        rttMs: r.u32() / 100,
        ageMs: r.u32(),
      }));
      return { kind: 'rttReport', rtts };
    }
    default:
      return null;
  }
}

function readToClient(kind: number, r: Reader): Message | null {
  switch (kind) {
    case 2:
      return { kind: 'alive', epoch: r.u64() };
    case 3:
      return {
        kind: 'prepare',
        desktop: r.label(),
        epoch: r.u64(),
        oldExternal: r.ipv4(),
        newExternal: r.ipv4(),
        targetKey: r.take(32),
        lifetimeMs: r.u32(),
      };
    case 5:
      return { kind: 'commit', desktop: r.label(), epoch: r.u64() };
    case 7:
      return { kind: 'abort', desktop: r.label(), epoch: r.u64() };
    case 10:
      return {
        kind: 'vouch',
        key: r.take(32),
        serial: r.u64(),
        revoked: r.u8() === 1,
        signature: r.take(64),
      };
    default:
      return null;
  }
}

/** Decode an opened message; null when it does not begin with one that may travel in this direction. */
export function decodeMessage(bytes: Buffer, direction: Direction): Message | null {
  const r = new Reader(bytes);
  const kind = r.u8();
  const message = direction === 'toHost' ? readToHost(kind, r) : readToClient(kind, r);
  return r.began() ? message : null;
}
