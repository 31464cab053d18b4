// Builds packets and captures byte by byte for the tests, independently of the code under test.

export interface TcpParts {
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags?: number;
  readonly payload?: number;
  readonly timestamp?: readonly [value: number, echo: number];
}

export const FLAGS = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16 } as const;

const octets = (address: string) => address.split('.').map(Number);

export function tcp(parts: TcpParts = {}): Buffer {
  const options = parts.timestamp === undefined ? 0 : 12;
  const b = Buffer.alloc(20 + options + (parts.payload ?? 0));
  b.writeUInt16BE(parts.sourcePort ?? 40_000, 0);
  b.writeUInt16BE(parts.destinationPort ?? 5901, 2);
  b.writeUInt32BE(parts.sequence ?? 1, 4);
  b.writeUInt32BE(parts.acknowledgement ?? 0, 8);
  b.writeUInt8(((20 + options) / 4) << 4, 12);
  b.writeUInt8(parts.flags ?? FLAGS.ack, 13);
  if (parts.timestamp !== undefined) {
    b.set([1, 1, 8, 10], 20);
    b.writeUInt32BE(parts.timestamp[0], 24);
    b.writeUInt32BE(parts.timestamp[1], 28);
  }
  return b;
}

export function udp(payload: number, sourcePort = 40_000, destinationPort = 4172): Buffer {
  const b = Buffer.alloc(8 + payload);
  b.writeUInt16BE(sourcePort, 0);
  b.writeUInt16BE(destinationPort, 2);
  b.writeUInt16BE(8 + payload, 4);
  return b;
}

export function ipv4(body: Buffer, parts: TcpParts & { protocol?: number; fragment?: number } = {}): Buffer {
  const b = Buffer.alloc(20);
  b.writeUInt8(0x45, 0);
  b.writeUInt16BE(20 + body.length, 2);
  b.writeUInt16BE(parts.fragment ?? 0, 6);
  b.writeUInt8(64, 8);
  b.writeUInt8(parts.protocol ?? 6, 9);
  b.set(octets(parts.source ?? '198.51.100.2'), 12);
  b.set(octets(parts.destination ?? '10.77.0.2'), 16);
  return Buffer.concat([b, body]);
}

export function ipv6(body: Buffer, next = 6, extension = Buffer.alloc(0)): Buffer {
  const b = Buffer.alloc(40);
  b.writeUInt8(0x60, 0);
  b.writeUInt16BE(extension.length + body.length, 4);
  b.writeUInt8(next, 6);
  b.set(Buffer.from('20010db8000000000000000000000001', 'hex'), 8);
  b.set(Buffer.from('fd000000000000000000000000000002', 'hex'), 24);
  return Buffer.concat([b, extension, body]);
}

export function ethernet(ip: Buffer, options: { vlans?: readonly number[]; type?: number } = {}): Buffer {
  const tags = (options.vlans ?? []).map((id, i, all) => {
    const tag = Buffer.alloc(4);
    tag.writeUInt16BE(i === 0 && all.length > 1 ? 0x88a8 : 0x8100, 0);
    tag.writeUInt16BE(id, 2);
    return tag;
  });
  const type = Buffer.alloc(2);
  type.writeUInt16BE(options.type ?? ((ip[0] ?? 0) >> 4 === 6 ? 0x86dd : 0x0800));
  return Buffer.concat([Buffer.alloc(12, 2), ...tags, type, ip]);
}

export interface Captured {
  readonly timeMs: number;
  readonly bytes: Buffer;
  readonly wireBytes?: number;
}

/** A classic pcap file. */
export function pcapFile(
  packets: readonly Captured[],
  options: { big?: boolean; nano?: boolean; linkType?: number } = {},
): Buffer {
  const u32 = (b: Buffer, n: number, at: number) =>
    options.big === true ? b.writeUInt32BE(n, at) : b.writeUInt32LE(n, at);
  const head = Buffer.alloc(24);
  u32(head, options.nano === true ? 0xa1b23c4d : 0xa1b2c3d4, 0);
  u32(head, 262_144, 16);
  u32(head, options.linkType ?? 1, 20);
  const records = packets.flatMap(({ timeMs, bytes, wireBytes }) => {
    const record = Buffer.alloc(16);
    u32(record, Math.floor(timeMs / 1000), 0);
    u32(record, Math.round((timeMs % 1000) * (options.nano === true ? 1e6 : 1e3)), 4);
    u32(record, bytes.length, 8);
    u32(record, wireBytes ?? bytes.length, 12);
    return [record, bytes];
  });
  return Buffer.concat([head, ...records]);
}

export function pcapngBlock(type: number, body: Buffer): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const b = Buffer.alloc(8);
  b.writeUInt32LE(type, 0);
  b.writeUInt32LE(12 + padded.length, 4);
  const end = Buffer.alloc(4);
  end.writeUInt32LE(12 + padded.length, 0);
  return Buffer.concat([b, padded, end]);
}

/** A pcapng file with one interface of nanosecond resolution. */
export function pcapngFile(packets: readonly Captured[]): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  // Link type Ethernet, snap length, option if_tsresol = 9, end of options.
  const nic = Buffer.from([1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
  const blocks = packets.map(({ timeMs, bytes, wireBytes }) => {
    const ticks = BigInt(Math.round(timeMs * 1e6));
    const head = Buffer.alloc(20);
    head.writeUInt32LE(Number(ticks >> 32n), 4);
    head.writeUInt32LE(Number(ticks & 0xffffffffn), 8);
    head.writeUInt32LE(bytes.length, 12);
    head.writeUInt32LE(wireBytes ?? bytes.length, 16);
    return pcapngBlock(6, Buffer.concat([head, bytes]));
  });
  return Buffer.concat([pcapngBlock(0x0a0d0d0a, section), pcapngBlock(1, nic), ...blocks]);
}
