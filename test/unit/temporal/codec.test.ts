import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { compressingCodec } from '../../../temporal/codec.js';

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const through = async (value: unknown) => {
  const [sent] = await compressingCodec.encode([payloadOf(value)]);
  const [back] = await compressingCodec.decode([sent!]);
  return { sent: sent!, back: defaultPayloadConverter.fromPayload(back!) };
};

describe('compressingCodec', () => {
  it('leaves small payloads as they are, for an operator to read in the UI', async () => {
    const value = { desktop: 'office', phase: 'memory' };
    const { sent, back } = await through(value);
    expect(sent).toEqual(payloadOf(value));
    expect(back).toEqual(value);
  });

  it('sends the report of a large host in a fraction of its bytes, and gives it back whole', async () => {
    const value = Array.from({ length: 2_000 }, (_, i) => ({
      desktop: `desktop-${i}`,
      rttMs: i / 7,
      rank: 0.5,
    }));
    const { sent, back } = await through(value);
    expect(sent.data!.length).toBeLessThan(JSON.stringify(value).length / 3);
    expect(back).toEqual(value);
  });

  it('passes through what another codec has made', async () => {
    const foreign = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: randomBytes(100_000) };
    expect(await compressingCodec.decode([foreign])).toEqual([foreign]);
  });

  it('refuses a payload that is broken instead of giving something else', async () => {
    const [sent] = await compressingCodec.encode([payloadOf('x'.repeat(100_000))]);
    const broken = { ...sent!, data: sent!.data!.slice(0, -20) };
    await expect(compressingCodec.decode([broken])).rejects.toThrow(/unexpected end/);
  });

  it('refuses a payload that unpacks to more than any report, before it fills the memory', async () => {
    const data = deflateSync(Buffer.alloc(65 * 2 ** 20), { level: 1 });
    const bomb = { metadata: { encoding: Buffer.from('binary/zlib') }, data };
    await expect(compressingCodec.decode([bomb])).rejects.toThrow(/larger than/);
  });
});
