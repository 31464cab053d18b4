import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { payloadCodec } from '../../../temporal/codec.js';
import { payloadKeys, type PayloadKeys } from '../../../temporal/payload-keys.js';

const keyOf = (fill: string): string => Buffer.alloc(32, fill).toString('base64');
const OLD: PayloadKeys = { write: 'old', keys: { old: keyOf('a') } };
const BOTH: PayloadKeys = { write: 'old', keys: { old: keyOf('a'), new: keyOf('b') } };
const NEW: PayloadKeys = { ...BOTH, write: 'new' };
const SECRET = 'the desktop of the director';

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const seal = async (keys: PayloadKeys | null, value: unknown = SECRET): Promise<Payload> =>
  (await payloadCodec(keys).encode([payloadOf(value)]))[0]!;
const open = async (keys: PayloadKeys | null, payload: Payload): Promise<unknown> =>
  defaultPayloadConverter.fromPayload((await payloadCodec(keys).decode([payload]))[0]!);

describe('encrypted payloads', () => {
  it('show nothing of what they hold but the key’s name, and are never the same twice', async () => {
    const [one, two] = [await seal(OLD), await seal(OLD)];
    expect(Buffer.from(one.data!).toString('latin1')).not.toContain('director');
    expect(Buffer.from(one.data!).equals(Buffer.from(two.data!))).toBe(false);
    const metadata = Object.entries(one.metadata!).map(([k, v]) => [k, Buffer.from(v).toString()]);
    expect(Object.fromEntries(metadata)).toEqual({
      encoding: 'binary/encrypted',
      'encryption-cipher': 'xchacha20poly1305-ietf',
      'encryption-key-id': 'old',
    });
    expect(await open(OLD, one)).toBe(SECRET);
  });

  it('are compressed before, so that a large report stays small', async () => {
    const report = Array.from({ length: 5_000 }, (_, i) => ({ desktop: `d${i}`, rank: 0.5 }));
    const sealed = await seal(OLD, report);
    expect(sealed.data!.length).toBeLessThan(JSON.stringify(report).length / 3);
    expect(await open(OLD, sealed)).toEqual(report);
  });

  it('are read with any key of the file, through every step of replacing one', async () => {
    const before = await seal(OLD);
    expect(await open(BOTH, before)).toBe(SECRET);
    const between = await seal(BOTH);
    const after = await seal(NEW);
    for (const keys of [BOTH, NEW])
      for (const payload of [before, between, after]) expect(await open(keys, payload)).toBe(SECRET);
    // A machine that has not got the first step's file reads what is still written with the old key.
    expect(await open(OLD, between)).toBe(SECRET);
    await expect(open(OLD, after)).rejects.toThrow(/key new, which the file in VMSHADOW_PAYLOAD_KEYS/);
  });

  it('are refused with the reason where no key, or another one, is there', async () => {
    const sealed = await seal(OLD);
    await expect(open(null, sealed)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/key old.*VMSHADOW_PAYLOAD_KEYS names no file/) as unknown,
    });
    const other = { write: 'old', keys: { old: keyOf('c') } };
    await expect(open(other, sealed)).rejects.toThrow(/cannot be decrypted with the key old/);
  });

  it('are refused when one bit, or the key’s name, was changed', async () => {
    const sealed = await seal(BOTH);
    for (const at of [0, 23, 24, 40, sealed.data!.length - 1]) {
      const data = Buffer.from(sealed.data!);
      data[at]! ^= 1;
      await expect(open(BOTH, { ...sealed, data })).rejects.toThrow(/cannot be decrypted/);
    }
    const renamed = { ...sealed.metadata, 'encryption-key-id': Buffer.from('new') };
    await expect(open(BOTH, { ...sealed, metadata: renamed })).rejects.toThrow(/cannot be decrypted/);
    await expect(open(BOTH, { ...sealed, data: Buffer.alloc(3) })).rejects.toThrow(/cannot be decrypted/);
  });

  it('are not wanted of what was written before encryption was switched on, nor of others’', async () => {
    expect(await open(OLD, payloadOf(SECRET))).toBe(SECRET);
    const foreign = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('x') };
    expect(await payloadCodec(OLD).decode([foreign])).toEqual([foreign]);
    expect(await seal(null)).toEqual(payloadOf(SECRET));
  });
});

describe('the file of payload keys', () => {
  let dir: string;
  let file: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vms-payload-'));
    file = join(dir, 'keys.json');
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const written = async (text: string, mode = 0o600) => {
    await rm(file, { force: true });
    await writeFile(file, text, { mode });
    return () => payloadKeys({ VMSHADOW_PAYLOAD_KEYS: file });
  };

  it('is read where the environment names one', async () => {
    expect((await written(JSON.stringify(NEW)))()).toEqual(NEW);
    expect(payloadKeys({})).toBeNull();
    expect(payloadKeys({ VMSHADOW_PAYLOAD_KEYS: '' })).toBeNull();
  });

  it.each([
    ['is not there', null, /cannot be read: ENOENT/],
    ['is no JSON', '{"write": "a", "keys": {"a": "SECRETSECRET', /it is no JSON$/],
    ['has a short key', JSON.stringify({ write: 'a', keys: { a: 'c2hvcnQ=' } }), /keys.a: expected 32 bytes/],
    [
      'writes with none of its keys',
      JSON.stringify({ ...OLD, write: 'x' }),
      /write: there is no key of this id/,
    ],
  ])('is refused when it %s, without a key in the message', async (_, text, words) => {
    const read = await written(text ?? '');
    if (text === null) await rm(file);
    expect(read).toThrow(words);
    expect(read).not.toThrow(/SECRETSECRET|c2hvcnQ/);
  });

  it('is refused when others may read it', async () => {
    expect(await written(JSON.stringify(OLD), 0o644)).toThrow(/can be read by others: chmod 600/);
  });
});
