import fc from 'fast-check';
import { CaptureReader } from '../../../../domain/fingerprint/capture/capture-reader.js';
import type { RawPacket } from '../../../../domain/fingerprint/capture/packet.js';
import { ethernet, ipv4, pcapFile, pcapngBlock, pcapngFile, tcp, type Captured } from './packet-bytes.js';

const packets: Captured[] = [
  { timeMs: 1_700_000_000_000.25, bytes: ethernet(ipv4(tcp({ payload: 5 }))) },
  {
    timeMs: 1_700_000_000_012.5,
    bytes: ethernet(ipv4(tcp({ payload: 500 }))).subarray(0, 96),
    wireBytes: 554,
  },
  { timeMs: 1_700_000_003_000, bytes: Buffer.alloc(0), wireBytes: 60 },
];

function read(file: Uint8Array, chunk = file.length): { packets: RawPacket[]; problem: string | undefined } {
  const reader = new CaptureReader();
  const out: RawPacket[] = [];
  for (let at = 0; at < file.length; at += Math.max(1, chunk))
    // Copied at once: the reader's packets share memory with what it was given.
    for (const p of reader.push(file.subarray(at, at + chunk)))
      out.push({ ...p, bytes: Uint8Array.from(p.bytes) });
  reader.end();
  return { packets: out, problem: reader.problem };
}

const expected = packets.map((p) => ({
  linkType: 1,
  bytes: Uint8Array.from(p.bytes),
  wireBytes: p.wireBytes ?? p.bytes.length,
}));
const times = packets.map((p) => p.timeMs);

describe('CaptureReader', () => {
  it.each([
    ['little-endian pcap', pcapFile(packets)],
    ['big-endian pcap', pcapFile(packets, { big: true })],
    ['nanosecond pcap', pcapFile(packets, { nano: true })],
    ['pcapng', pcapngFile(packets)],
  ])('reads %s, in one piece and byte by byte', (_, file) => {
    for (const chunk of [file.length, 1, 7]) {
      const got = read(file, chunk);
      expect(got.problem).toBeUndefined();
      expect(got.packets).toMatchObject(expected);
      got.packets.forEach((p, i) => expect(p.timeMs).toBeCloseTo(times[i]!, 2));
    }
  });

  it('reads the "modified" pcap of old patches, whose records carry an interface', () => {
    const head = pcapFile([]);
    head.writeUInt32LE(0xa1b2cd34, 0);
    const records = packets.map((p) => {
      const plain = pcapFile([p]).subarray(24);
      return Buffer.concat([plain.subarray(0, 16), Buffer.alloc(8, 7), plain.subarray(16)]);
    });
    const got = read(Buffer.concat([head, ...records]), 7);
    expect(got).toMatchObject({ packets: expected, problem: undefined });
  });

  it('passes over a block of any size that is no packet, in pieces of any size', () => {
    const file = pcapngFile(packets);
    const secrets = pcapngBlock(10, Buffer.alloc(3 * 2 ** 20, 0x23));
    for (const chunk of [1e9, 65_536, 999_999])
      expect(read(Buffer.concat([file, secrets, file]), chunk)).toMatchObject({
        packets: [...expected, ...expected],
        problem: undefined,
      });
    expect(read(Buffer.concat([file, secrets.subarray(0, 2 ** 21)])).problem).toMatch(/middle of a record/);
  });

  it('counts simple packet blocks, which have no time, and gives out the others', () => {
    const reader = new CaptureReader();
    const simple = pcapngBlock(3, Buffer.concat([Buffer.from([60, 0, 0, 0]), Buffer.alloc(60)]));
    expect(reader.push(Buffer.concat([pcapngFile(packets), simple, simple]))).toHaveLength(3);
    reader.end();
    expect([reader.timeless, reader.problem]).toEqual([2, undefined]);
  });

  it.each([
    ['736e6f6f7000000000000002', /snoop.*editcap/],
    ['474d425500000000', /Network Monitor/],
    ['28b52ffd00000000', /zstd -d/],
    ['fd377a585a000000', /unxz/],
    ['504b030400000000', /ZIP/],
    ['a1e2cb1200000000', /editcap/],
    [Buffer.from('10:00:00.1 IP 10.0.0.1.5900 > 10.0.0.2').toString('hex'), /text: `tcpdump -w FILE`/],
  ])('names a file that begins with %s', (hex, what) => {
    expect(read(Buffer.from(hex, 'hex')).problem).toMatch(what);
  });

  it('passes over pcapng blocks that it does not know', () => {
    const file = pcapngFile(packets);
    const strange = pcapngBlock(0x0bad, Buffer.alloc(20));
    expect(read(Buffer.concat([file, strange, file])).packets).toHaveLength(6);
  });

  it.each([
    ['an empty file', Buffer.alloc(0), 'the capture is empty'],
    ['a text', Buffer.from('hello world'), 'neither a pcap nor a pcapng'],
    ['a file of two bytes', Buffer.from([1, 2]), 'ends in the middle'],
    ['a file that ends in a record', pcapFile(packets).subarray(0, 60), 'ends in the middle'],
    ['a record of 4 GB', Buffer.concat([pcapFile(packets), Buffer.alloc(16, 0xff)]), 'damaged: a record of'],
    ['a block of 3 bytes', Buffer.concat([pcapngFile([]), Buffer.alloc(12, 3)]), 'damaged: a block of'],
  ])('tells what is wrong with %s', (_, file, why) => {
    expect(read(file).problem).toContain(why);
  });

  it('gives what comes before the damage', () => {
    expect(read(Buffer.concat([pcapFile(packets), Buffer.alloc(16, 0xff)])).packets).toHaveLength(3);
  });

  it('survives any change of any byte', () => {
    const files = fc.constantFrom(pcapFile(packets), pcapngFile(packets));
    const changes = fc.array(fc.tuple(fc.nat(250), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(files, changes, fc.integer({ min: 1, max: 300 }), (file, list, chunk) => {
        const copy = Uint8Array.from(file);
        for (const [at, value] of list) copy[at % copy.length] = value;
        for (const p of read(copy, chunk).packets) expect(p.wireBytes).toBeGreaterThanOrEqual(p.bytes.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
