// Messages inside a session (sealed in DATA packets), version 1. First byte: kind. `id` is a length byte and text, key 32 bytes, address 4.
//   1 KEEPALIVE  c>h  epoch u64 | pending epoch u64 (0: none)      2 ALIVE      h>c  epoch u64
//   3 PREPARE    h>c  id desktop | epoch u64 | old 4 | new 4 | target key 32 | lifetime ms u32
//   4 PREPARED   c>h  id desktop | epoch u64 | flows u16           5 COMMIT     h>c  id desktop | epoch u64
//   6 COMMITTED  c>h  id desktop | epoch u64 | flows u16           7 ABORT      h>c  id desktop | epoch u64
//   8 ABORTED    c>h  id desktop | epoch u64                       9 RTT_REPORT c>h  n u8 | n x (id site | rtt 0.01 ms u32 | age ms u32)
//  10 VOUCH      h>c  key 32 | serial u64 | revoked u8 | signature 64: what the authority says of a host (signed-keys.ts)
//  11 PROVED     c>h  id desktop | epoch u64 | n u8 | n x (protocol u8 | desktop's port u16 | client's own port u16 | address 4 and port u16
//                     where the host has seen it | token 8 | cookie 8): paths whose ANSWER came (path-proof.ts)
//  12 DIRECT     h>c  id desktop | epoch u64 | n u8 | n x token 8: of PROVED, the flows that leave the host by their own path
// A later version's fields behind 2, 3, 4 and 6 begin with 'P': of 2 and 3 nothing more ("paths of flows are proved here", "flows that are not
// proved may stay on the old path"), of 4 and 6 the number u16 of flows that do.
// A kind is accepted in its own direction only. Bytes after the fields that are known here are a later version's and are ignored (they are
// authenticated with the rest); so is a kind that is not known.
import type { Endpoint } from '../../domain/model/address.js';
import type { RelayedFlow } from '../relay/flow.js';
import { Reader, ipv4, label, u16, u32, u64, u8 } from './bytes.js';

export type Message =
  | { readonly kind: 'keepalive'; readonly epoch: number; readonly pendingEpoch: number }
  | {
      readonly kind: 'alive';
      readonly epoch: number;
      /** The host answers proofs of flows' paths. */
      readonly proves?: true;
    }
  | {
      readonly kind: 'prepare';
      readonly desktop: string;
      readonly epoch: number;
      readonly oldExternal: string;
      readonly newExternal: string;
      /** Ed25519 public key of the target's host: the only one that may commit this epoch. */
      readonly targetKey: Buffer;
      readonly lifetimeMs: number;
      /** The host relays flows whose paths are not proved, if the client says that it leaves them there. */
      readonly relays?: true;
    }
  | Settled<'prepared'>
  | { readonly kind: 'commit'; readonly desktop: string; readonly epoch: number }
  | Settled<'committed'>
  | { readonly kind: 'abort'; readonly desktop: string; readonly epoch: number }
  | { readonly kind: 'aborted'; readonly desktop: string; readonly epoch: number }
  | { readonly kind: 'rttReport'; readonly rtts: readonly SiteRtt[] }
  | {
      readonly kind: 'vouch';
      readonly key: Buffer;
      readonly serial: number;
      readonly revoked: boolean;
      readonly signature: Buffer;
    }
  | {
      readonly kind: 'proved';
      readonly desktop: string;
      readonly epoch: number;
      readonly paths: readonly PathSeen[];
    }
  | {
      readonly kind: 'direct';
      readonly desktop: string;
      readonly epoch: number;
      readonly tokens: readonly Buffer[];
    };

interface Settled<Kind> {
  readonly kind: Kind;
  readonly desktop: string;
  readonly epoch: number;
  readonly flows: number;
  /** So many of them stay on the path that they had, until theirs is proved; absent where the client moves all at once. */
  readonly relayed?: number;
}

/** A path of one flow, as its host has seen it. */
export interface PathSeen {
  readonly protocol: RelayedFlow['protocol'];
  /** The desktop's. */
  readonly port: number;
  readonly clientPort: number;
  readonly seen: Endpoint;
  readonly token: Buffer;
  readonly cookie: Buffer;
}

export interface SiteRtt {
  readonly site: string;
  readonly rttMs: number;
  readonly ageMs: number;
}

export type Direction = 'toHost' | 'toClient';

const MAX_REPORTED_SITES = 24;
const MAX_FLOWS = 0xffff;
/** Paths in one PROVED: it stays below the largest packet. */
export const MAX_PATHS = 40;
const PROTOCOLS = ['tcp', 'udp'] as const;
/** What begins later fields of messages that had none. */
const LATER = 'P'.charCodeAt(0);
const U32 = 0xffff_ffff;

/** Encode a message; counts too large for their field are cut to the largest. */
export function encodeMessage(m: Message): Buffer {
  switch (m.kind) {
    case 'keepalive':
      return Buffer.concat([u8(1), u64(m.epoch), u64(m.pendingEpoch)]);
    case 'alive':
      return Buffer.concat([u8(2), u64(m.epoch), flag(m.proves)]);
    case 'prepare':
      return Buffer.concat([
        u8(3),
        label(m.desktop),
        u64(m.epoch),
        ipv4(m.oldExternal),
        ipv4(m.newExternal),
        m.targetKey,
        u32(m.lifetimeMs),
        flag(m.relays),
      ]);
    case 'prepared':
      return Buffer.concat([u8(4), settled(m)]);
    case 'commit':
      return Buffer.concat([u8(5), label(m.desktop), u64(m.epoch)]);
    case 'committed':
      return Buffer.concat([u8(6), settled(m)]);
    case 'abort':
      return Buffer.concat([u8(7), label(m.desktop), u64(m.epoch)]);
    case 'aborted':
      return Buffer.concat([u8(8), label(m.desktop), u64(m.epoch)]);
    case 'vouch':
      return Buffer.concat([u8(10), m.key, u64(m.serial), u8(m.revoked ? 1 : 0), m.signature]);
    case 'proved': {
      const paths = m.paths.slice(0, MAX_PATHS);
      const rows = paths.flatMap((p) => [
        u8(PROTOCOLS.indexOf(p.protocol)),
        u16(p.port),
        u16(p.clientPort),
        ipv4(p.seen.address),
        u16(p.seen.port),
        p.token,
        p.cookie,
      ]);
      return Buffer.concat([u8(11), label(m.desktop), u64(m.epoch), u8(paths.length), ...rows]);
    }
    case 'direct': {
      const tokens = m.tokens.slice(0, MAX_PATHS);
      return Buffer.concat([u8(12), label(m.desktop), u64(m.epoch), u8(tokens.length), ...tokens]);
    }
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

const flag = (set: true | undefined): Buffer => (set === undefined ? Buffer.alloc(0) : u8(LATER));

function settled(m: Settled<'prepared' | 'committed'>): Buffer {
  const later = m.relayed === undefined ? [] : [u8(LATER), u16(Math.min(m.relayed, MAX_FLOWS))];
  return Buffer.concat([label(m.desktop), u64(m.epoch), u16(Math.min(m.flows, MAX_FLOWS)), ...later]);
}

function readSettled<Kind extends 'prepared' | 'committed'>(kind: Kind, r: Reader): Settled<Kind> {
  const fixed = { kind, desktop: r.label(), epoch: r.u64(), flows: r.u16() };
  return r.next(LATER) ? { ...fixed, relayed: r.u16() } : fixed;
}

/** A list with its length before it; null for one that is longer than any. */
function readList<T>(r: Reader, read: () => T): T[] | null {
  const count = r.u8();
  return count > MAX_PATHS ? null : Array.from({ length: count }, read);
}

function readProved(r: Reader): Message | null {
  const head = { kind: 'proved', desktop: r.label(), epoch: r.u64() } as const;
  const paths = readList(r, () => ({
    protocol: PROTOCOLS[r.u8()],
    port: r.u16(),
    clientPort: r.u16(),
    seen: { address: r.ipv4(), port: r.u16() },
    token: r.take(8),
    cookie: r.take(8),
  }));
  if (paths === null) return null;
  const known = paths.flatMap(({ protocol, ...rest }) =>
    protocol === undefined ? [] : [{ protocol, ...rest }],
  );
  return known.length < paths.length ? null : { ...head, paths: known };
}

function readToHost(kind: number, r: Reader): Message | null {
  switch (kind) {
    case 1:
      return { kind: 'keepalive', epoch: r.u64(), pendingEpoch: r.u64() };
    case 4:
      return readSettled('prepared', r);
    case 6:
      return readSettled('committed', r);
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
    case 11:
      return readProved(r);
    default:
      return null;
  }
}

function readToClient(kind: number, r: Reader): Message | null {
  switch (kind) {
    case 2:
      return { kind: 'alive', epoch: r.u64(), ...(r.next(LATER) ? { proves: true } : {}) };
    case 3:
      return {
        kind: 'prepare',
        desktop: r.label(),
        epoch: r.u64(),
        oldExternal: r.ipv4(),
        newExternal: r.ipv4(),
        targetKey: r.take(32),
        lifetimeMs: r.u32(),
        ...(r.next(LATER) ? { relays: true } : {}),
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
    case 12: {
      const head = { kind: 'direct', desktop: r.label(), epoch: r.u64() } as const;
      const tokens = readList(r, () => r.take(8));
      return tokens === null ? null : { ...head, tokens };
    }
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
