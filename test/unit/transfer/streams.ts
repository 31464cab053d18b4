// Streams as QEMU and an NBD client make them, for tests: from a few numbers, the same each time.
import { createHash } from 'node:crypto';

const u32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
};
const u64 = (n: number): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64BE(BigInt(n));
  return b;
};
const named = (name: string): Buffer => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);

/** A page that looks like no other and does not compress, or (odd seeds) does. */
export function pageOf(seed: number): Buffer {
  const page = Buffer.alloc(4_096);
  for (let at = 0; at < 4_096; at += 32)
    createHash('sha256')
      .update(`${seed}/${seed % 2 === 1 ? 0 : at}`)
      .digest()
      .copy(page, at);
  return page;
}

/** A write of 20 bytes to that page. */
export function touched(page: Buffer, seed: number): Buffer {
  const copy = Buffer.from(page);
  createHash('sha256')
    .update(String(seed))
    .digest()
    .copy(copy, (seed * 7) % 4_000, 0, 20);
  return copy;
}

export type PageRecord =
  | { kind: 'zero'; page: number }
  | { kind: 'page'; page: number; content: Buffer }
  | { kind: 'xbzrle'; page: number; bytes: Buffer };

const RAM_BLOCKS = ['pc.ram', 'vga.vram'];

export function startOfMigration(): Buffer {
  const ram = Buffer.concat([Buffer.from([1]), u32(2), named('ram'), u32(0), u32(4)]);
  const sizes = RAM_BLOCKS.map((name) => Buffer.concat([named(name), u64(2 ** 27)]));
  return Buffer.concat([
    Buffer.from('QEVM'),
    u32(3),
    Buffer.from([7]),
    u32(12),
    Buffer.from('pc-i440fx-10'),
    ram,
    u64(2 ** 28 + 4),
    ...sizes,
    u64(0x10),
    Buffer.from([0x7e]),
    u32(2),
    Buffer.from([8, 0, 1, 0, 0]),
  ]);
}

/** A round: a part of the RAM section with these pages, each of one block, the first one naming it. */
export function round(records: readonly PageRecord[], block = 0): Buffer {
  const parts = records.map((record, i) => {
    const same = i === 0 ? 0 : 0x20;
    const flag = { zero: 2, page: 8, xbzrle: 0x40 }[record.kind];
    const head = Buffer.concat([
      u64(record.page * 4_096 + (flag | same)),
      ...(i === 0 ? [named(RAM_BLOCKS[block] ?? 'pc.ram')] : []),
    ]);
    if (record.kind === 'zero') return Buffer.concat([head, Buffer.from([0])]);
    if (record.kind === 'page') return Buffer.concat([head, record.content]);
    const length = Buffer.alloc(3);
    length[0] = 1;
    length.writeUInt16BE(record.bytes.length, 1);
    return Buffer.concat([head, length, record.bytes]);
  });
  return Buffer.concat([Buffer.from([2]), u32(2), ...parts, u64(0x10), Buffer.from([0x7e]), u32(2)]);
}

/** Device state and what follows it: opaque. */
export function endOfMigration(seed: number): Buffer {
  return Buffer.concat([Buffer.from([4]), u32(40), named('timer'), pageOf(seed).subarray(0, 3_001)]);
}

export function nbdGreeting(): Buffer {
  const option = (type: number, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from('IHAVEOPT'), u32(type), u32(data.length), data]);
  return Buffer.concat([u32(3), option(8, Buffer.alloc(0)), option(7, Buffer.from('\0\0\0\x04disk\0\0'))]);
}

export function nbdRequest(
  type: number,
  offset: number,
  length: number,
  extended = false,
  flags = 0,
): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(extended ? 0x21e41c71 : 0x25609513);
  head.writeUInt16BE(flags, 4);
  head.writeUInt16BE(type, 6);
  return Buffer.concat([head, u64(offset + length), u64(offset), extended ? u64(length) : u32(length)]);
}
