// Payloads of large pools, compressed on their way to Temporal: it takes 2 MiB a payload and 50 MiB a history (docs/limits.md). Small
// ones, those of moves among them, stay as they are, for an operator to read in the UI. What is not ours passes through.
//   compressed payload: metadata encoding = 'binary/zlib'; data = deflate(protobuf of the payload as it was)
import { promisify } from 'node:util';
import { constants, deflate, inflate } from 'node:zlib';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { encryptingCodec } from './encryption.js';
import { payloadKeys, type PayloadKeys } from './payload-keys.js';

const ENCODING = 'encoding';
const ZLIB = Buffer.from('binary/zlib');
/** From here on compressing is worth an unreadable payload in the UI: far above anything about a single desktop. */
const COMPRESS_FROM_BYTES = 32_768;
/** A payload that unpacks to more is no report of ours; it must not fill the memory. */
const MAX_BYTES = 64 * 2 ** 20;

const pack = promisify(deflate);
const unpack = promisify(inflate);
const { Payload: PayloadType } = proto.temporal.api.common.v1;

async function compress(payload: Payload): Promise<Payload> {
  if ((payload.data?.length ?? 0) < COMPRESS_FROM_BYTES) return payload;
  const plain = PayloadType.encode(payload).finish();
  // The fastest level: JSON shrinks to a quarter with it, and a manager unpacks megabytes each cycle.
  const data = await pack(plain, { level: constants.Z_BEST_SPEED });
  return { metadata: { [ENCODING]: ZLIB }, data };
}

async function decompress(payload: Payload): Promise<Payload> {
  const encoding = payload.metadata?.[ENCODING];
  if (encoding === undefined || !ZLIB.equals(encoding)) return payload;
  const plain = await unpack(payload.data ?? new Uint8Array(), { maxOutputLength: MAX_BYTES });
  return PayloadType.decode(plain);
}

/** Compresses large payloads and takes both kinds. */
export const compressingCodec: PayloadCodec = {
  encode: (payloads) => Promise.all(payloads.map(compress)),
  decode: (payloads) => Promise.all(payloads.map(decompress)),
};

/** What payloads pass through: compressed first, since what is encrypted does not shrink. */
export function payloadCodec(keys: PayloadKeys | null): PayloadCodec {
  const encrypting = encryptingCodec(keys);
  return {
    encode: async (payloads) => encrypting.encode(await compressingCodec.encode(payloads)),
    decode: async (payloads) => compressingCodec.decode(await encrypting.decode(payloads)),
  };
}

/** For every client and worker alike, with the keys that the environment names. Throws CONFIG_INVALID. */
export function dataConverter(): DataConverter {
  return { payloadCodecs: [payloadCodec(payloadKeys())] };
}
