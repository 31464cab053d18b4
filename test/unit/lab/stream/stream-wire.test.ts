import fc from 'fast-check';
import { decodeRecord, encodeHello, encodeRecord, HEADER_BYTES } from '../../../../lab/stream/stream-wire.js';

describe('the test stream', () => {
  it('greets with magic, interval and payload size', () => {
    expect(encodeHello(100, 1024).toString('hex')).toBe('564d535354524d31' + '64000000' + '00040000');
  });

  it('is laid out as the guest reads it', () => {
    const golden = '564d5352' + '04000000' + '0100000000000000' + '0200000000000000' + '0000000000000000';
    expect(encodeRecord(1, 2, 0, 4).toString('hex').slice(0, 64)).toBe(golden);
  });

  it('gives back what was put in, and waits for whole records', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 64 }),
        (sequence, received, errors, words) => {
          const data = encodeRecord(sequence, received, errors, words * 4);
          expect(decodeRecord(data)).toEqual({
            record: { sequence, received, errors, payloadIntact: true },
            bytes: data.length,
          });
          expect(decodeRecord(data.subarray(0, -1))).toBeNull();
        },
      ),
    );
  });

  it('notices any single changed bit of a payload', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 64 * 8 - 1 }), (sequence, bit) => {
        const data = encodeRecord(sequence, 0, 0, 64);
        const at = HEADER_BYTES + Math.floor(bit / 8);
        data.writeUInt8(data.readUInt8(at) ^ (1 << (bit % 8)), at);
        expect(decodeRecord(data)?.record.payloadIntact).toBe(false);
      }),
    );
  });

  it('notices lost and doubled bytes', () => {
    const data = Buffer.concat([
      encodeRecord(0, 0, 0, 8),
      encodeRecord(1, 0, 0, 8),
      encodeRecord(2, 0, 0, 8),
    ]);
    const readAll = (stream: Buffer) => {
      const sequences: number[] = [];
      for (let next = decodeRecord(stream); next !== null; next = decodeRecord(stream)) {
        if (!next.record.payloadIntact) return 'damaged';
        sequences.push(next.record.sequence);
        stream = stream.subarray(next.bytes);
      }
      return sequences.join();
    };
    expect(readAll(data)).toBe('0,1,2');
    for (let cut = 0; cut < 40; cut++)
      for (const changed of [
        Buffer.concat([data.subarray(0, cut), data.subarray(cut + 1)]),
        Buffer.concat([data.subarray(0, cut + 1), data.subarray(cut)]),
      ]) {
        let result = 'out of step';
        try {
          result = readAll(changed);
        } catch {
          // Out of step: noticed.
        }
        expect(result).not.toBe('0,1,2');
      }
  });
});
