// Writes a MaxMind DB (format 2.0) for IPv4 with a few ranges, so that the real reader is tested without anybody's data.
//   search tree: nodes of two 24-bit records | 16 zero bytes | data | marker | metadata
import { ipv4ToNumber } from '../../domain/model/address.js';

const MARKER = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);
const TYPE = { string: 2, double: 3, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11 } as const;

const header = (type: number, size: number) =>
  type <= 7 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7]);
const text = (s: string) => Buffer.concat([header(TYPE.string, s.length), Buffer.from(s)]);
const double = (x: number) => {
  const b = Buffer.alloc(8);
  b.writeDoubleBE(x);
  return Buffer.concat([header(TYPE.double, 8), b]);
};
const uint = (type: number, x: number, bytes: number) => {
  const b = Buffer.alloc(bytes);
  b.writeUIntBE(x, 0, bytes);
  return Buffer.concat([header(type, bytes), b]);
};
const map = (fields: Record<string, Buffer>) =>
  Buffer.concat([
    header(TYPE.map, Object.keys(fields).length),
    ...Object.entries(fields).flatMap(([k, v]) => [text(k), v]),
  ]);

export interface MmdbRange {
  readonly network: string;
  readonly bits: number;
  readonly latitude: number;
  readonly longitude: number;
}

/** The bytes of a database with these ranges. */
export function tinyMmdb(ranges: readonly MmdbRange[]): Buffer {
  // A record is undefined (nothing known), a node number, or { data: offset }.
  type Rec = number | { data: number } | undefined;
  const nodes: [Rec, Rec][] = [[undefined, undefined]];
  const data: Buffer[] = [];
  for (const r of ranges) {
    const offset = data.reduce((n, b) => n + b.length, 0);
    data.push(map({ location: map({ latitude: double(r.latitude), longitude: double(r.longitude) }) }));
    const address = ipv4ToNumber(r.network);
    let node = 0;
    for (let k = 0; k < r.bits; k++) {
      const bit = (Math.floor(address / 2 ** (31 - k)) % 2) as 0 | 1;
      if (k === r.bits - 1) nodes[node]![bit] = { data: offset };
      else {
        const next = nodes[node]![bit];
        if (typeof next === 'number') node = next;
        else {
          nodes.push([undefined, undefined]);
          nodes[node]![bit] = nodes.length - 1;
          node = nodes.length - 1;
        }
      }
    }
  }
  const count = nodes.length;
  const value = (r: Rec) => (r === undefined ? count : typeof r === 'number' ? r : count + 16 + r.data);
  const tree = Buffer.alloc(count * 6);
  nodes.forEach(([left, right], i) => {
    tree.writeUIntBE(value(left), i * 6, 3);
    tree.writeUIntBE(value(right), i * 6 + 3, 3);
  });
  const metadata = map({
    binary_format_major_version: uint(TYPE.uint16, 2, 2),
    binary_format_minor_version: uint(TYPE.uint16, 0, 2),
    build_epoch: uint(TYPE.uint64, 1_700_000_000, 4),
    database_type: text('Test-City'),
    description: map({ en: text('test') }),
    ip_version: uint(TYPE.uint16, 4, 2),
    languages: Buffer.concat([header(TYPE.array, 1), text('en')]),
    node_count: uint(TYPE.uint32, count, 4),
    record_size: uint(TYPE.uint16, 24, 2),
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, MARKER, metadata]);
}
