import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdentity, createKeyPair, loadIdentity } from '../../../../guest-proxy/protocol/identity.js';

const PAIR = {
  publicKey: 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=',
  secretKey: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXA==',
};

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'vms-identity-')), 'identity.json');
});
afterEach(() => rm(join(file, '..'), { recursive: true, force: true }));

it('a seed always gives the same key pair', () => {
  expect(createKeyPair(Buffer.alloc(32, 1))).toEqual(PAIR);
});

it('a file of an earlier version loads as it is', async () => {
  await writeFile(file, JSON.stringify(PAIR), { mode: 0o600 });
  expect((await loadIdentity(file)).publicBytes.toString('base64')).toBe(PAIR.publicKey);
});

it('a new identity is readable by its owner only, loads again, and is not overwritten', async () => {
  const publicKey = await createIdentity(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await loadIdentity(file)).publicKey).toBe(publicKey);
  const before = await readFile(file, 'utf8');
  await expect(createIdentity(file)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(await readFile(file, 'utf8')).toBe(before);
});

it('an identity that others may read, or whose keys do not belong together, is refused', async () => {
  await writeFile(file, JSON.stringify(PAIR), { mode: 0o600 });
  await chmod(file, 0o640);
  await expect(loadIdentity(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await chmod(file, 0o600);
  const other = createKeyPair(Buffer.alloc(32, 2));
  await writeFile(file, JSON.stringify({ ...PAIR, publicKey: other.publicKey }), { mode: 0o600 });
  await expect(loadIdentity(file)).rejects.toThrow('does not belong');
});
