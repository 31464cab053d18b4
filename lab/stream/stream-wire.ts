// The small guest's test stream on the wire (lab/images/base/guest/stream.c): neither a lost nor a doubled byte can pass unseen. Pure.
//
//   hello   16 bytes, client to guest: "VMSSTRM1" | u32 interval ms (0: one record per record received) | u32 payload bytes of its records
//   record  32 bytes + payload, both ways: u32 "VMSR" | u32 payload bytes | u64 sequence | u64 received so far | u64 errors seen so far
// All little endian; word i of a payload is mix32(sequence * 0x9e3779b9 + i).
import { VmshadowError } from '../../domain/errors.js';

export const HEADER_BYTES = 32;
export const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAGIC = 0x52534d56;

export interface StreamRecord {
  readonly sequence: number;
  /** How many records of the other direction its sender had received, and how many errors it had seen in them. */
  readonly received: number;
  readonly errors: number;
  readonly payloadIntact: boolean;
}

function mix32(x: number): number {
  let y = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  y = Math.imul(y ^ (y >>> 15), 0x846ca68b);
  return (y ^ (y >>> 16)) >>> 0;
}

const word = (sequence: number, i: number) => mix32((Math.imul(sequence, 0x9e3779b9) + i) | 0);

export function encodeHello(intervalMs: number, payloadBytes: number): Buffer {
  const hello = Buffer.alloc(16);
  hello.write('VMSSTRM1', 'latin1');
  hello.writeUInt32LE(intervalMs, 8);
  hello.writeUInt32LE(payloadBytes, 12);
  return hello;
}

export function encodeRecord(
  sequence: number,
  received: number,
  errors: number,
  payloadBytes: number,
): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + payloadBytes);
  record.writeUInt32LE(MAGIC, 0);
  record.writeUInt32LE(payloadBytes, 4);
  [sequence, received, errors].forEach((n, i) => record.writeBigUInt64LE(BigInt(n), 8 + 8 * i));
  for (let i = 0; i < payloadBytes / 4; i++) record.writeUInt32LE(word(sequence, i), HEADER_BYTES + 4 * i);
  return record;
}

/** Take one record off the front of `data`; null when it is incomplete. Throws PROTOCOL when the stream is out of step. */
export function decodeRecord(data: Buffer): { record: StreamRecord; bytes: number } | null {
  if (data.length < HEADER_BYTES) return null;
  const length = data.readUInt32LE(4);
  if (data.readUInt32LE(0) !== MAGIC || length > MAX_PAYLOAD_BYTES || length % 4 !== 0)
    throw new VmshadowError(
      'PROTOCOL',
      'The test stream is out of step: no record begins here, so bytes were lost or doubled.',
    );
  const bytes = HEADER_BYTES + length;
  if (data.length < bytes) return null;
  const sequence = Number(data.readBigUInt64LE(8));
  let payloadIntact = true;
  for (let i = 0; i < length / 4; i++)
    payloadIntact &&= data.readUInt32LE(HEADER_BYTES + 4 * i) === word(sequence, i);
  const record = {
    sequence,
    received: Number(data.readBigUInt64LE(16)),
    errors: Number(data.readBigUInt64LE(24)),
    payloadIntact,
  };
  return { record, bytes };
}
