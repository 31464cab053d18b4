// The authority's list of keys at a host: written by `vmshadow keys`, read by dom0, believed when signed.
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SignedKeys } from '../../../../domain/model/keys.js';
import { authorityKey, createAuthority, issueHost, signKey } from '../../../../drivers/peers/pki.js';
import { KeyList } from '../../../../guest-proxy/host/key-list.js';
import { isSignedBy } from '../../../../guest-proxy/protocol/signed-keys.js';
import { client, hostB, stranger } from '../support.js';

let dir: string;
let folder: string;
let warned: number;
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => (warned += 1),
  error: () => undefined,
};
const list = () => join(folder, 'cloud-keys.json');

beforeEach(async () => {
  warned = 0;
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-keys-'));
  folder = join(dir, 'hosts', 'us-west', 'h1');
  await createAuthority(dir);
  await issueHost(dir, { site: 'us-west', host: 'h1', addresses: ['127.0.0.1'] });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('says of which hosts clients are to be told, and which clients and hosts are revoked', async () => {
  const keys = new KeyList(folder, quiet);
  await keys.look();
  expect(keys.find(hostB.publicKey)).toBeNull();
  expect(await signKey(dir, { kind: 'host', key: hostB.publicKey, revoked: false })).toEqual([list()]);
  await keys.look();
  const word = keys.find(hostB.publicKey)!;
  expect(word).toMatchObject({ kind: 'host', revoked: false, serial: 1 });
  // A client checks it with the key of its own file.
  const authority = (await authorityKey(dir))!;
  expect(isSignedBy(authority, word)).toBe(true);
  for (const forged of [
    { ...word, revoked: true },
    { ...word, serial: 2 },
    { ...word, key: stranger.publicKey },
    { ...word, kind: 'client' as const },
  ])
    expect(isSignedBy(authority, forged)).toBe(false);
  await signKey(dir, { kind: 'client', key: client.publicKey, revoked: true });
  await signKey(dir, { kind: 'host', key: hostB.publicKey, revoked: true });
  expect(keys.isRevoked(client.publicKey)).toBe(false);
  await keys.look();
  expect(keys.isRevoked(client.publicKey)).toBe(true);
  expect(keys.revokedHosts().map((w) => w.key)).toEqual([hostB.publicKey]);
});

it('says nothing twice: issuing again leaves the list as it is', async () => {
  await signKey(dir, { kind: 'host', key: hostB.publicKey, revoked: false });
  const before: unknown = JSON.parse(await readFile(list(), 'utf8'));
  await signKey(dir, { kind: 'host', key: hostB.publicKey, revoked: false });
  expect(JSON.parse(await readFile(list(), 'utf8'))).toEqual(before);
});

it('an older list, none, a damaged one or a forged word revives nobody and revokes nobody', async () => {
  const keys = new KeyList(folder, quiet);
  await signKey(dir, { kind: 'client', key: stranger.publicKey, revoked: true });
  await copyFile(list(), join(dir, 'older'));
  await signKey(dir, { kind: 'client', key: client.publicKey, revoked: true });
  await keys.look();
  await copyFile(join(dir, 'older'), list());
  await keys.look();
  await rm(list());
  await keys.look();
  await writeFile(list(), '{');
  await keys.look();
  expect(warned).toBe(1);
  await copyFile(join(dir, 'older'), list());
  const forged = JSON.parse(await readFile(list(), 'utf8')) as SignedKeys;
  forged.keys[0] = { ...forged.keys[0]!, key: hostB.publicKey, serial: 9 };
  await writeFile(list(), JSON.stringify(forged));
  await keys.look();
  expect(warned).toBe(2);
  expect([client, stranger, hostB].map((k) => keys.isRevoked(k.publicKey))).toEqual([true, true, false]);
});
