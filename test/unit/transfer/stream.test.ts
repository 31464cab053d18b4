import { hash } from 'node:crypto';
import fc from 'fast-check';
import type { BatchVersion } from '../../../transfer/stream/batch.js';
import { nothingSent, StreamEncoder, type Batch, type SentBytes } from '../../../transfer/stream/encoder.js';
import { StreamDecoder } from '../../../transfer/stream/decoder.js';
import { NbdParser } from '../../../transfer/stream/nbd-parser.js';
import { KnownPages, digestOf, hashOf, type PageStore } from '../../../transfer/stream/pages.js';
import { QemuParser } from '../../../transfer/stream/qemu-parser.js';
import type { StreamParser } from '../../../transfer/stream/sink.js';
import {
  endOfMigration,
  nbdGreeting,
  nbdRequest,
  pageOf,
  round,
  startOfMigration,
  touched,
  type PageRecord,
} from './streams.js';

class MemoryStore implements PageStore {
  readonly pages = new Map<string, Buffer>();
  get = (name: Buffer) => {
    const page = this.pages.get(name.toString('hex'));
    return page === undefined ? null : { page, digest: digestOf(page) };
  };
  put = (hash: Buffer, page: Buffer) => void this.pages.set(hash.toString('hex'), Buffer.from(page));
}

/** Both ends of a stream; a page that the receiver lacks is asked for. */
class Link {
  readonly store = new MemoryStore();
  readonly known = new KnownPages();
  readonly sent: SentBytes = nothingSent();
  readonly #encoder: StreamEncoder;
  readonly #decoder = new StreamDecoder(this.store);
  wireBytes = 0;
  asked = 0;

  constructor(parser: StreamParser, version: BatchVersion = 2) {
    this.#encoder = new StreamEncoder({ parser, known: this.known, sent: this.sent });
    this.#encoder.speak(version);
    this.#decoder.speak(version);
  }

  through(bytes: Buffer, chunks: readonly number[] = [65_536], ended = true): Buffer {
    const out: Buffer[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = Math.max(1, chunks[i % chunks.length] ?? 1);
      for (const batch of this.#encoder.push(bytes.subarray(at, at + length))) out.push(this.#carry(batch));
      if (i % 3 === 0) out.push(this.#carry(this.#encoder.flush()));
      at += length;
    }
    out.push(this.#carry(this.#encoder.flush(ended)));
    return Buffer.concat(out);
  }

  #carry(batch: Batch | null): Buffer {
    if (batch === null) return Buffer.alloc(0);
    const bytes = Buffer.concat(batch.bytes);
    this.wireBytes += bytes.length;
    const waiting = this.#decoder.open(bytes);
    this.asked += waiting.missing.length;
    if (waiting.missing.length > 0)
      this.#decoder.fill(waiting, Buffer.concat(waiting.missing.map((i) => batch.referredTo[i]!)));
    return this.#decoder.finish(waiting);
  }
}

const chunks = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 5 });
const record: fc.Arbitrary<PageRecord> = fc.oneof(
  fc.record({ kind: fc.constant('zero' as const), page: fc.nat(40) }),
  fc.record({
    kind: fc.constant('page' as const),
    page: fc.nat(40),
    content: fc.tuple(fc.nat(12), fc.nat(3)).map(([seed, n]) => touched(pageOf(seed), n)),
  }),
  fc.record({
    kind: fc.constant('page' as const),
    page: fc.nat(9),
    content: fc.constant(Buffer.alloc(4_096)),
  }),
  fc.record({
    kind: fc.constant('xbzrle' as const),
    page: fc.nat(40),
    bytes: fc.nat(900).map((n) => pageOf(n).subarray(0, n)),
  }),
);

describe("QEMU's migration stream", () => {
  it('comes out byte for byte, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.array(record, { maxLength: 30 }), { maxLength: 4 }), chunks, (rounds, cuts) => {
        const stream = Buffer.concat([
          startOfMigration(),
          ...rounds.map((records, i) => round(records, i % 2)),
          endOfMigration(4),
        ]);
        for (const version of [1, 2] as const)
          expect(new Link(new QemuParser(), version).through(stream, cuts).equals(stream)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('comes out byte for byte where bytes of it are wrong, and where it is no such stream at all', () => {
    const good = Buffer.concat([startOfMigration(), round([{ kind: 'page', page: 3, content: pageOf(2) }])]);
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.nat(255),
        fc.uint8Array({ maxLength: 9_000 }),
        (at, byte, noise) => {
          const stream = Buffer.from(good);
          stream[at] = byte;
          for (const bytes of [stream, Buffer.from(noise), Buffer.concat([stream, Buffer.from(noise)])])
            expect(new Link(new QemuParser()).through(bytes, [977]).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says of zero pages next to nothing, of a page that was changed little, of a page that is there its hash', () => {
    const zeros = Array.from({ length: 20_000 }, (_, i): PageRecord => ({ kind: 'zero', page: 100 + i }));
    const pages = (change: (page: Buffer, i: number) => Buffer): PageRecord[] =>
      Array.from({ length: 200 }, (_, i) => ({ kind: 'page', page: i, content: change(pageOf(2 * i), i) }));
    const link = new Link(new QemuParser());
    link.through(Buffer.concat([startOfMigration(), round(zeros)]), undefined, false);
    expect(link.wireBytes).toBeLessThan(1_000);
    link.through(round(pages((page) => page)), undefined, false);
    const first = link.wireBytes;
    expect(first).toBeGreaterThan(200 * 4_096);
    link.through(round(pages(touched)), undefined, false);
    expect(link.wireBytes - first).toBeLessThan(200 * 60);
    const second = link.wireBytes;
    // The same pages elsewhere: in the other block.
    link.through(
      round(
        pages((page) => page),
        1,
      ),
    );
    expect(link.wireBytes - second).toBeLessThan(200 * 30);
    expect(link.asked).toBe(0);
    expect(link.sent.raw).toMatchObject({ difference: 200 * 4_104 - 8, reference: 200 * 4_104 - 8 });
  });
});

describe('an NBD client', () => {
  const write = fc.record({
    offset: fc.oneof(
      fc.nat(40).map((n) => n * 4_096),
      fc.nat(100_000),
    ),
    seed: fc.nat(6),
    length: fc.oneof(
      fc.nat(3).map((n) => n * 4_096),
      fc.nat(10_000),
    ),
    extended: fc.boolean(),
  });

  it('is heard byte for byte: writes, also unaligned and of zeros, and all other requests in their order', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), chunks, (writes, cuts) => {
        const requests = writes.flatMap(({ offset, seed, length, extended }) => {
          const page = seed === 0 ? Buffer.alloc(4_096) : pageOf(seed);
          const payload = Buffer.concat([page, page, page]).subarray(0, length);
          return [
            nbdRequest(1, offset, length, extended, extended ? 32 : 1),
            payload,
            nbdRequest(3, 0, 0, extended),
            nbdRequest(6, offset, 2 ** 30, extended),
          ];
        });
        const stream = Buffer.concat([nbdGreeting(), ...requests, nbdRequest(2, 0, 0)]);
        expect(new Link(new NbdParser()).through(stream, cuts).equals(stream)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is heard byte for byte where it sends what nobody knows', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9_000 }), (noise) => {
        const stream = Buffer.concat([nbdGreeting(), nbdRequest(1, 0, 0xffff_ffff), Buffer.from(noise)]);
        expect(new Link(new NbdParser()).through(stream, [977]).equals(stream)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the two ends', () => {
  const stream = Buffer.concat([
    startOfMigration(),
    round(Array.from({ length: 50 }, (_, i) => ({ kind: 'page', page: i, content: pageOf(2 * i) }))),
  ]);

  it('send a page again that the other end was thought to have', () => {
    const link = new Link(new QemuParser());
    for (let i = 0; i < 50; i++) link.known.add(hashOf(pageOf(2 * i)));
    expect(link.through(stream).equals(stream)).toBe(true);
    expect(link.asked).toBe(50);
  });

  it.each([1, 2] as const)(
    'take no page for another, and no batch of which a bit is wrong (version %d)',
    (version) => {
      const mixed = Buffer.concat([
        stream,
        round(
          Array.from({ length: 9 }, (_, i) => ({
            kind: 'page',
            page: i,
            content: touched(pageOf(2 * i), i),
          })),
        ),
      ]);
      const batch = batchOf(mixed, version);
      fc.assert(
        fc.property(fc.nat(batch.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const wrong = Buffer.from(batch);
          wrong[at] = wrong[at]! ^ flip;
          const decoder = new StreamDecoder(new MemoryStore());
          decoder.speak(version);
          expect(() => {
            const waiting = decoder.open(wrong);
            if (waiting.missing.length === 0) decoder.finish(waiting);
            else decoder.fill(waiting, Buffer.alloc(waiting.missing.length * 4_096, 1));
          }).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
        }),
        { numRuns: 300 },
      );
      expect(() => new StreamDecoder(new MemoryStore()).open(batch.subarray(0, 40))).toThrow(
        expect.objectContaining({ code: 'PROTOCOL' }),
      );
    },
  );

  it.each([1, 2] as const)('keep the format of version %d', (version) => {
    const known = new KnownPages();
    const encoder = new StreamEncoder({ parser: new NbdParser(), known, sent: nothingSent() });
    encoder.speak(version);
    const golden = (bytes: Buffer): string => {
      const batches = [...encoder.push(bytes), encoder.flush()].filter((batch) => batch !== null);
      return Buffer.concat(batches.flatMap((batch) => batch.bytes)).toString('hex');
    };
    // What zstd makes is its own affair: nothing here is long, or compresses.
    const flags = Buffer.from([0, 0, 0, 3]);
    expect(
      golden(Buffer.concat([flags, nbdRequest(1, 4_096, 8_192), Buffer.alloc(8_192)])),
    ).toMatchSnapshot();
    expect(hash('sha256', golden(Buffer.concat([nbdRequest(1, 0, 4_096), pageOf(2)])))).toMatchSnapshot();
    expect(golden(Buffer.concat([nbdRequest(1, 65_536, 4_096), pageOf(2)]))).toMatchSnapshot();
  });
});

function batchOf(stream: Buffer, version: BatchVersion): Buffer {
  const encoder = new StreamEncoder({
    parser: new QemuParser(),
    known: new KnownPages(),
    sent: nothingSent(),
  });
  encoder.speak(version);
  const batches = [...encoder.push(stream), encoder.flush(true)].filter((b) => b !== null);
  return Buffer.concat(batches[0]!.bytes);
}
