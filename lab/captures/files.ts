// Capture files, byte by byte: the classic format in all its kinds, and the block format with several sections and interfaces.
export interface Frame {
  readonly timeMs: number;
  readonly bytes: Buffer;
  readonly wireBytes: number;
}

interface PcapKind {
  readonly big?: boolean;
  readonly magic?: number;
  readonly linkType?: number;
  /** Bytes of a record header beyond sixteen. */
  readonly extra?: number;
  readonly snapBytes?: number;
}

export const MAGIC = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d, modified: 0xa1b2cd34 };

/** A classic capture. */
export function pcap(frames: readonly Frame[], kind: PcapKind = {}): Buffer {
  const { big = false, magic = MAGIC.micro, linkType = 1, extra = 0, snapBytes = 262_144 } = kind;
  const u32 = (b: Buffer, n: number, at: number) => (big ? b.writeUInt32BE(n, at) : b.writeUInt32LE(n, at));
  const u16 = (b: Buffer, n: number, at: number) => (big ? b.writeUInt16BE(n, at) : b.writeUInt16LE(n, at));
  const head = Buffer.alloc(24);
  u32(head, magic, 0);
  u16(head, 2, 4);
  u16(head, 4, 6);
  u32(head, snapBytes, 16);
  u32(head, linkType, 20);
  const perMs = magic === MAGIC.nano ? 1e6 : 1e3;
  return Buffer.concat([
    head,
    ...frames.flatMap((f) => {
      const bytes = f.bytes.subarray(0, snapBytes);
      const record = Buffer.alloc(16 + extra, 1);
      u32(record, Math.floor(f.timeMs / 1000), 0);
      u32(record, Math.min(1000 * perMs - 1, Math.round((f.timeMs % 1000) * perMs)), 4);
      u32(record, bytes.length, 8);
      u32(record, f.wireBytes, 12);
      return [record, bytes];
    }),
  ]);
}

interface Interface {
  readonly linkType?: number;
  /** if_tsresol: a power of ten, or of two with the high bit set; silent: microseconds. */
  readonly resolution?: number;
  /** if_tsoffset, seconds. */
  readonly offsetSeconds?: number;
}
export interface Section {
  readonly big?: boolean;
  readonly interfaces?: readonly Interface[];
  readonly frames: readonly (Frame & {
    readonly on?: number;
    readonly simple?: boolean;
    readonly old?: boolean;
  })[];
  /** Blocks of other kinds before the packets: type and body bytes. */
  readonly others?: readonly (readonly [type: number, bytes: number])[];
}

/** A block capture. */
export function pcapng(sections: readonly Section[]): Buffer {
  return Buffer.concat(sections.map(section));
}

function section({ big = false, interfaces = [{}], frames, others = [] }: Section): Buffer {
  const u32 = (n: number) => {
    const b = Buffer.alloc(4);
    return (big ? b.writeUInt32BE(n) : b.writeUInt32LE(n), b);
  };
  const u16 = (n: number) => {
    const b = Buffer.alloc(2);
    return (big ? b.writeUInt16BE(n) : b.writeUInt16LE(n), b);
  };
  const padded = (b: Buffer) => Buffer.concat([b, Buffer.alloc((4 - (b.length % 4)) % 4)]);
  const block = (type: number, ...parts: Buffer[]) => {
    const body = padded(Buffer.concat(parts));
    return Buffer.concat([u32(type), u32(12 + body.length), body, u32(12 + body.length)]);
  };
  const option = (code: number, value: Buffer) =>
    Buffer.concat([u16(code), u16(value.length), padded(value)]);
  const int64 = (n: number) => {
    const b = Buffer.alloc(8);
    return (big ? b.writeBigInt64BE(BigInt(n)) : b.writeBigInt64LE(BigInt(n)), b);
  };
  return Buffer.concat([
    block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), int64(-1)),
    ...interfaces.map((i) =>
      block(
        1,
        u16(i.linkType ?? 1),
        u16(0),
        u32(0),
        ...(i.resolution === undefined ? [] : [option(9, Buffer.from([i.resolution]))]),
        ...(i.offsetSeconds === undefined ? [] : [option(14, int64(i.offsetSeconds))]),
        option(0, Buffer.alloc(0)),
      ),
    ),
    ...others.map(([type, bytes]) => block(type, Buffer.alloc(bytes, 0x23))),
    ...frames.map(({ timeMs, bytes, wireBytes, on = 0, simple = false, old = false }) => {
      if (simple) return block(3, u32(wireBytes), bytes);
      const ticks = ticksOf(timeMs, interfaces[on] ?? {});
      const time = [u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffffffffn))];
      const sizes = [u32(bytes.length), u32(wireBytes)];
      if (old) return block(2, u16(on), u16(0), ...time, ...sizes, bytes);
      return block(6, u32(on), ...time, ...sizes, bytes);
    }),
  ]);
}

function ticksOf(timeMs: number, { resolution = 6, offsetSeconds = 0 }: Interface): bigint {
  const seconds = Math.floor(timeMs / 1000) - offsetSeconds;
  const rest = (timeMs % 1000) / 1000;
  const perSecond = resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
  return BigInt(seconds) * BigInt(perSecond) + BigInt(Math.floor(rest * perSecond));
}
